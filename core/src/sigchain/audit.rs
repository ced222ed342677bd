//! Audit logs: every event that a server ever accepted, in order, each with the time at which it was received.

use super::Reason;
use super::chain::Chain;
use super::event::Unverified;
use crate::canonical::{self, Json, MAX_DEPTH};
use crate::key::KeyId;
use crate::problem::{Code, Problem};
use crate::time::Timestamp;

/// Levels that stand around an event in an audit object: the object, its entries, the entry.
const LEVELS_AROUND: usize = 3;

/// One entry of an audit log, as it was sent.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The event.
    pub event: Json,
    /// When it was received; none if that is no time.
    pub received_at: Option<Timestamp>,
}

/// An audit log, as it was sent.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Whose chain it is said to be.
    pub chain: String,
    /// The entries, the oldest first.
    pub entries: Vec<Entry>,
    /// Each entry's receipt, which nobody has looked at, where it has one.
    pub receipts: Vec<Option<Json>>,
}

/// The first entry that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index}: {reason}")]
pub struct Failure {
    /// Its place in the log; the first is 0.
    pub index: usize,
    /// Why.
    pub reason: Reason,
}

/// Replays an audit log. The chain that comes out has the state, the head and the ids of displaced events.
///
/// # Errors
/// The first entry that fails, with the first check that it fails. An empty log is [`Reason::BadGenesis`].
pub fn verify(chain: KeyId, entries: impl IntoIterator<Item = Entry>) -> Result<Chain, Failure> {
    let mut chain = Chain::new(chain);
    for (index, entry) in entries.into_iter().enumerate() {
        append(&mut chain, entry).map_err(|reason| Failure { index, reason })?;
    }
    if chain.head().is_none() {
        return Err(Failure { index: 0, reason: Reason::BadGenesis });
    }
    Ok(chain)
}

fn append(chain: &mut Chain, entry: Entry) -> Result<(), Reason> {
    let event = chain.authenticate(Unverified::read(entry.event)?)?;
    let step = chain.judge(event, entry.received_at.ok_or(Reason::BadReceivedAt)?)?;
    chain.commit(step);
    Ok(())
}

impl Audit {
    /// Reads an audit object, `{"chain", "entries": [{"event", "received_at", …}]}`. Events are judged later, each by
    /// its own checks; other members are nobody's business here.
    ///
    /// # Errors
    /// [`Code::MalformedJson`]; [`Code::MalformedEnvelope`] when it is JSON, but no such object.
    pub fn parse(text: &[u8]) -> Result<Audit, Problem> {
        Audit::read(canonical::parse_unjudged(text, MAX_DEPTH + LEVELS_AROUND)?).ok_or_else(|| {
            Problem::new(Code::MalformedEnvelope, "An audit log is an object with `chain` and `entries`.")
        })
    }

    fn read(json: Json) -> Option<Audit> {
        let Json::Object(mut audit) = json else { return None };
        let Some(Json::String(chain)) = audit.remove("chain") else { return None };
        let Some(Json::Array(entries)) = audit.remove("entries") else { return None };
        let entries = entries.into_iter().map(|entry| match entry {
            Json::Object(mut entry) => {
                let received_at = match entry.remove("received_at") {
                    Some(Json::String(time)) => time.parse().ok(),
                    _ => None,
                };
                let receipt = entry.remove("receipt");
                (Entry { event: entry.remove("event").unwrap_or(Json::Null), received_at }, receipt)
            }
            // No event, which the entry's own check will say.
            _ => (Entry { event: Json::Null, received_at: None }, None),
        });
        let (entries, receipts) = entries.unzip();
        Some(Audit { chain, entries, receipts })
    }

    /// Replays the log, as [`verify`].
    ///
    /// # Errors
    /// As [`verify`]; a `chain` that is no key's id is the first entry's [`Reason::BadKeyEncoding`].
    pub fn verify(self) -> Result<Chain, Failure> {
        match self.chain.parse() {
            Ok(chain) => verify(chain, self.entries),
            Err(_) => Err(Failure { index: 0, reason: Reason::BadKeyEncoding }),
        }
    }
}
