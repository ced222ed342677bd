//! `kez chat watch`: each message once, as it came, without those that this device said itself.

use std::collections::BTreeMap;

use kez_conversation::{Batch, Body, Line, Notice};
use kez_core::KeyId;

use super::engine::Engine;
use super::lines::Message;
use super::names;
use super::reply::Reply;
use crate::failure::Failure;

/// Prints what is new, at most until `count` lines are printed over all; gives how many are. What is printed is marked
/// afterwards, so that a process that is killed prints a line twice rather than never.
pub(super) async fn print(
    engine: &mut Engine,
    reply: &Reply,
    with: Option<&KeyId>,
    count: Option<u64>,
    notices: &[Notice],
) -> Result<u64, Failure> {
    let most = count.unwrap_or(u64::MAX);
    let said = notices.iter().any(|notice| matches!(notice, Notice::Said { .. }));
    if std::mem::replace(&mut engine.is_printed, true) && !said {
        return Ok(engine.printed);
    }
    let mut marks = Batch::default();
    for (thread, chain) in threads(engine).into_iter().filter(|(_, chain)| with.is_none_or(|with| with == chain)) {
        let mark = format!("printed/{thread}");
        let after = engine.records.ours(&mark).and_then(|mark| std::str::from_utf8(mark).ok()).unwrap_or_default();
        let mut last = None;
        for (place, value) in engine.records.of_machine_after(&format!("thread/{thread}/"), after) {
            if engine.printed == most {
                break;
            }
            last = Some(place.as_bytes().to_vec());
            let who = |chain: &KeyId| names::who(&engine.records, chain);
            let line = Line::read(value).filter(|line| line.device != engine.member.key.id());
            if let Some(message) = line.and_then(|line| Message::new(line, &chain, &who)) {
                reply.line(&message)?;
                engine.printed += 1;
            }
        }
        marks.0.extend(last.map(|last| (mark, Some(last.into()))));
    }
    for notice in notices {
        let Some((chain, line)) = receipt(notice, engine) else { continue };
        if with.is_none_or(|with| *with == chain) && engine.printed < most {
            let who = |chain: &KeyId| names::who(&engine.records, chain);
            if let Some(message) = Message::new(line, &chain, &who) {
                reply.line(&message)?;
                engine.printed += 1;
            }
        }
    }
    engine.records.write(Batch::default(), marks).await?;
    Ok(engine.printed)
}

/// The threads that there are, in hex and as keys.
fn threads(engine: &Engine) -> BTreeMap<String, KeyId> {
    let names = engine.records.of_machine("thread/").filter_map(|(name, _)| name.split('/').nth(1));
    names.filter_map(|hex| Some((hex.to_owned(), KeyId::from_parts("ed25519", hex).ok()?))).collect()
}

/// A receipt, which is no line of a thread.
fn receipt(notice: &Notice, engine: &Engine) -> Option<(KeyId, Line)> {
    let Notice::Said { with, by, device, content, good } = notice else { return None };
    matches!(content.body, Body::Receipt(_)).then(|| {
        let line = Line { by: *by, device: *device, at: engine.home.now(), good: *good, content: content.clone() };
        (*with, line)
    })
}
