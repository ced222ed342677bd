//! What is here: conversations, threads, and how all stands.

use kez_conversation::{ConversationState, ConversationStatus, Line, MachineStatus, Stands, Wait};
use kez_core::{KeyId, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::engine::Engine;
use super::lines::{self, Message, Text, Who};
use super::names;
use super::records::Records;
use super::reply::Reply;
use crate::failure::Failure;

/// One conversation in the list.
#[derive(Serialize)]
struct Listed {
    with: Who,
    /// `contact`, `asked` (they did not accept yet) or `asks` (they wait for one's answer).
    stands: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_at: Option<Timestamp>,
    /// The newest text, as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Text>,
}

/// The newest first; those in which nothing was said come last.
pub(super) fn list(engine: &Engine, reply: &Reply) -> Result<(), Failure> {
    let records = &engine.records;
    let mut all: Vec<(Option<String>, Listed)> = Vec::new();
    for (chain, stands) in engine.machine.contacts() {
        let stands = match stands {
            Stands::Contact { .. } => "contact",
            Stands::Asked => "asked",
            Stands::Stranger => continue,
        };
        let (place, last) = newest(engine, &chain);
        all.push((place, Listed { with: names::who(records, &chain), stands, asked_at: None, last }));
    }
    for (chain, request) in names::requests(records) {
        if engine.machine.stands(&chain) == Stands::Stranger {
            let with = names::who(records, &chain);
            all.push((None, Listed { with, stands: "asks", asked_at: Some(request.at), last: None }));
        }
    }
    all.sort_by(|(one, _), (other, _)| other.cmp(one));
    all.iter().try_for_each(|(_, listed)| reply.line(listed))
}

/// The place of the newest line of a thread among all lines, and its newest text.
fn newest(engine: &Engine, chain: &KeyId) -> (Option<String>, Option<Text>) {
    let prefix = thread(chain);
    let place = engine.records.of_machine(&prefix).last().and_then(|(name, _)| name.rsplit('/').next());
    (place.map(str::to_owned), texts(&engine.records, chain).pop())
}

fn thread(chain: &KeyId) -> String {
    format!("thread/{}/", chain.hex())
}

fn read(records: &Records, chain: &KeyId) -> Vec<Line> {
    records.of_machine(&thread(chain)).filter_map(|(_, value)| Line::read(value)).collect()
}

fn texts(records: &Records, chain: &KeyId) -> Vec<Text> {
    lines::texts(read(records, chain), chain, &|chain| names::who(records, chain))
}

/// The texts as they are now, the oldest first, the newest `limit` of them.
pub(super) fn history(records: &Records, reply: &Reply, chain: &KeyId, limit: Option<u64>) -> Result<(), Failure> {
    let texts = texts(records, chain);
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(texts.len());
    texts[texts.len().saturating_sub(limit)..].iter().try_for_each(|text| reply.line(text))
}

/// Everything as it came.
pub(super) fn export(records: &Records, reply: &Reply, chain: &KeyId) -> Result<(), Failure> {
    let who = |chain: &KeyId| names::who(records, chain);
    let messages = read(records, chain).into_iter().filter_map(|line| Message::new(line, chain, &who));
    messages.into_iter().try_for_each(|message| reply.line(&message))
}

/// How all stands, and what is stuck and why.
pub(super) fn status(engine: &Engine, reply: &Reply) -> Result<(), Failure> {
    let MachineStatus { is_only, packages, conversations, lost, frames, mail } = engine.machine.status();
    let who = |chain: &KeyId| names::who(&engine.records, chain);
    let mut stuck: Vec<String> = Vec::new();
    if let Some(failure) = &engine.refused {
        stuck.push(failure.detail.to_string());
    }
    if is_only == Some(false) {
        stuck.push("This device's conversations go on in another place; nothing is sent from here.".to_owned());
    }
    stuck.extend(lost.iter().map(|chain| {
        format!("This device lost its place in the conversation with {}, and asks for it.", called(&who(chain)))
    }));
    stuck.extend(conversations.iter().filter_map(|one| why(one, &who(&one.with))));
    reply.line(&json!({
        "device": engine.member.key.id(),
        "folder": engine.records.folder(),
        "connected": engine.is_connected(),
        "is_only": is_only,
        "packages": packages.map(|(available, has_last_resort)| json!({
            "available": available,
            "has_last_resort": has_last_resort,
        })),
        "conversations": conversations.iter().map(|one| conversation(one, who(&one.with))).collect::<Vec<_>>(),
        "waiting_frames": frames,
        "unopened_frames": mail,
        "stuck": stuck,
    }))
}

fn conversation(one: &ConversationStatus, with: Who) -> serde_json::Value {
    json!({
        "with": with,
        "gen": one.generation,
        "epoch": one.epoch,
        "leaves": one.devices.len() + 1,
        "devices": one.devices,
        "state": match one.state {
            ConversationState::Starting => "starting",
            ConversationState::Open => "open",
            ConversationState::Stopped => "stopped",
            ConversationState::Left => "left",
        },
        "changing": one.is_changing,
    })
}

fn called(who: &Who) -> String {
    who.handle.clone().unwrap_or_else(|| who.chain.to_string())
}

fn why(one: &ConversationStatus, with: &Who) -> Option<String> {
    let name = called(with);
    Some(match one.waits? {
        Wait::NoPackages => format!("Waiting for {name}: none of their devices can be taken in yet."),
        Wait::NoConversation => format!("The conversation with {name} is being begun or joined."),
        Wait::Limited => format!("The home server takes no more for {name} for now."),
    })
}
