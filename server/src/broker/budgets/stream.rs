//! What the stream holds, asked in small pieces: a sender chooses names of recipients of up to 4,000 bytes, and would make
//! a list of them as large as the stream.

use std::collections::HashMap;

use async_nats::Client;
use data_encoding::BASE64;
use futures_util::{StreamExt as _, stream};
use kez_core::KeyId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::broker::jetstream::{Trouble, ask};
use crate::broker::kind::Kind;

/// Questions on their way at once.
const AT_ONCE: usize = 16;
/// JetStream's code for "no such message".
const NO_MESSAGE: u64 = 10_037;
/// Messages that are looked at to tell how long names are.
const SAMPLES: u64 = 64;
/// Longest list of names, in bytes.
const LONGEST_LIST: u64 = 64 << 20;
/// The size of one entry of a list that is beside its name.
const ENTRY: u64 = 16;
/// Names in one page; JetStream decides that.
const PAGE: usize = 100_000;

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) seq: u64,
    /// Whom the broker vouches for as its sender.
    pub(super) from: Option<KeyId>,
    /// Whom it waits for, if that is a key.
    pub(super) to: Option<KeyId>,
    /// Whether every client can read its headers. Some break at others, whenever they are sent them.
    pub(super) is_readable: bool,
}

/// The stream's state.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct State {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    #[serde(default)]
    num_subjects: u64,
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

#[derive(Deserialize)]
struct Info {
    state: State,
    #[serde(default)]
    total: usize,
}

/// The state now, and who sent how many messages that the broker could not move to an inbox.
pub(super) async fn state(store: &Client, kind: Kind) -> Result<(State, Vec<(KeyId, u64)>), Trouble> {
    let mut info: Info = info(store, kind, &kind.route().unrouted(), 0).await?;
    let unrouted = info.state.subjects.take().unwrap_or_default();
    let by = unrouted.iter().filter_map(|(subject, count)| Some((kind.route().sent_by(subject)?, *count)));
    Ok((info.state, by.collect()))
}

/// How many messages of a sender wait. Only for one that is known to have sent to keys.
pub(super) async fn waiting(store: &Client, kind: Kind, from: &KeyId) -> Result<u64, Trouble> {
    let info: Info = info(store, kind, &kind.route().from(from), 0).await?;
    Ok(info.state.subjects.unwrap_or_default().values().sum())
}

async fn info(store: &Client, kind: Kind, filter: &str, offset: usize) -> Result<Info, Trouble> {
    ask(store, &format!("STREAM.INFO.{}", kind.stream()), &json!({ "subjects_filter": filter, "offset": offset })).await
}

/// How many messages wait for whom from whom, by the names that senders gave. None when the list would be too long.
pub(super) async fn list(store: &Client, kind: Kind, state: &State) -> Result<Option<Vec<(String, u64)>>, Trouble> {
    let every = ((state.last_seq - state.first_seq.min(state.last_seq)) / SAMPLES).max(1);
    let samples = (state.first_seq..=state.last_seq).step_by(usize::try_from(every).unwrap_or(usize::MAX));
    let found = stream::iter(samples).map(|seq| next(store, kind, seq)).buffer_unordered(AT_ONCE);
    let lengths: Vec<u64> = found
        .filter_map(async |found| found.ok().flatten().map(|message| message.subject.len() as u64))
        .collect()
        .await;
    let mean = lengths.iter().sum::<u64>() / (lengths.len() as u64).max(1);
    if state.num_subjects.saturating_mul(mean + ENTRY) > LONGEST_LIST {
        return Ok(None);
    }
    let mut names = Vec::new();
    loop {
        let page: Info = info(store, kind, &kind.route().all(), names.len()).await?;
        let found = page.state.subjects.unwrap_or_default();
        let is_last = found.len() < PAGE || names.len() + found.len() >= page.total;
        names.extend(found);
        if is_last {
            return Ok(Some(names));
        }
    }
}

#[derive(Deserialize)]
struct Got {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    seq: u64,
    subject: String,
    #[serde(default)]
    hdrs: String,
}

/// The messages after `after`, in order, up to `last`: a few of them, and up to where that goes.
pub(super) async fn after(store: &Client, kind: Kind, after: u64, last: u64) -> Result<(Vec<Stored>, u64), Trouble> {
    let end = last.min(after + AT_ONCE as u64);
    let asked = stream::iter(after + 1..=end).map(|seq| get(store, kind, json!({ "seq": seq }))).buffered(AT_ONCE);
    let found: Vec<Result<Option<Message>, Trouble>> = asked.collect().await;
    let found: Vec<Option<Message>> = found.into_iter().collect::<Result<_, _>>()?;
    let found: Vec<Stored> = found.into_iter().flatten().map(|message| Stored::new(kind, message)).collect();
    if !found.is_empty() || end == last {
        return Ok((found, end));
    }
    // Many in a row that are gone are jumped over.
    Ok((Vec::new(), next(store, kind, end + 1).await?.map_or(last, |message| message.seq - 1).min(last)))
}

async fn next(store: &Client, kind: Kind, seq: u64) -> Result<Option<Message>, Trouble> {
    get(store, kind, json!({ "seq": seq, "next_by_subj": kind.route().all() })).await
}

async fn get(store: &Client, kind: Kind, which: Value) -> Result<Option<Message>, Trouble> {
    match ask::<Got>(store, &format!("STREAM.MSG.GET.{}", kind.stream()), &which).await {
        Ok(got) => Ok(Some(got.message)),
        Err(Trouble::Refused(refused)) if refused.err_code == NO_MESSAGE => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Throws these messages away, side by side; gives those that could not be.
pub(super) async fn delete(store: &Client, kind: Kind, seqs: Vec<u64>) -> Vec<u64> {
    let deleted = stream::iter(seqs).map(async |seq| {
        let body = json!({ "seq": seq, "no_erase": true });
        match ask::<Value>(store, &format!("STREAM.MSG.DELETE.{}", kind.stream()), &body).await {
            // One that is gone already is gone.
            Ok(_) | Err(Trouble::Refused(_)) => None,
            Err(Trouble::Silent(_)) => Some(seq),
        }
    });
    deleted.buffer_unordered(AT_ONCE).filter_map(async |seq| seq).collect().await
}

impl Stored {
    fn new(kind: Kind, Message { seq, subject, hdrs }: Message) -> Self {
        let to = kind.route().recipient(&subject).and_then(|to| KeyId::from_parts("ed25519", to).ok());
        let is_readable = BASE64.decode(hdrs.as_bytes()).is_ok_and(|headers| is_readable(&headers));
        Stored { seq, from: kind.route().sender(&subject), to, is_readable }
    }
}

/// Whether headers are lines of a name and a value, in text without control characters.
fn is_readable(headers: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(headers) else { return false };
    text.split("\r\n").skip(1).filter(|line| !line.is_empty()).all(|line| {
        let Some((name, value)) = line.split_once(':') else { return false };
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_graphic())
            && !value.contains(|c: char| c.is_control())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_some_clients_break_at_are_told_from_others() {
        for good in ["", "NATS/1.0\r\n\r\n", "NATS/1.0\r\nNats-Msg-Id: 01\r\nX-Anything:\u{fc} b:c\r\n\r\n"] {
            assert!(is_readable(good.as_bytes()), "{good}");
        }
        for bad in [
            &b"NATS/1.0\r\nX: \xff\r\n\r\n"[..],
            b"NATS/1.0\r\nno name\r\n\r\n",
            b"NATS/1.0\r\n: x\r\n\r\n",
            b"NATS/1.0\r\nA b: x\r\n\r\n",
            b"NATS/1.0\r\nX: a\rb\r\n\r\n",
            b"NATS/1.0\r\nX: a\nb\r\n\r\n",
            b"NATS/1.0\r\n\xc3\xbc: x\r\n\r\n",
        ] {
            assert!(!is_readable(bad), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn a_message_is_from_its_sender_for_a_key_or_for_nobody() {
        let stored = |subject: &str| {
            let message = Message { seq: 1, subject: subject.to_owned(), hdrs: String::new() };
            let Stored { from, to, .. } = Stored::new(Kind::Inbox, message);
            (from.is_some(), to.is_some())
        };
        let (key, other) = ("01".repeat(32), "02".repeat(32));
        assert_eq!(stored(&format!("kez.inbox.{other}.{key}")), (true, true));
        assert_eq!(stored(&format!("kez.inbox.$x~.{key}")), (true, false));
        assert_eq!(stored(&format!("kez.inbox.{}.{key}", "AB".repeat(32))), (true, false));
        assert_eq!(stored("kez.inbox.a.b"), (false, false));
    }
}
