//! One line of a server's log of all chains: an entry, whose it is, and its number.

use super::audit::Entry;
use crate::canonical::{self, Json, MAX_DEPTH};
use crate::key::KeyId;

/// A line as it was sent: `{"log_index", "chain", "event", "received_at"}`.
#[derive(Clone, Debug)]
pub struct Line {
    /// The entry's number in the log; the first is 1.
    pub log_index: u64,
    /// Whose chain it is said to be.
    pub chain: KeyId,
    /// The entry, which nobody has judged.
    pub entry: Entry,
}

impl Line {
    /// Whether the event says that it begins its chain.
    #[must_use]
    pub fn begins(&self) -> bool {
        let Json::Object(event) = &self.entry.event else { return false };
        let Some(Json::Object(payload)) = event.get("payload") else { return false };
        payload.get("seq") == Some(&Json::Integer(1))
    }

    /// Reads a line. Other members are nobody's business here.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Line> {
        // The line stands around the event.
        let Json::Object(mut line) = canonical::parse_unjudged(text, MAX_DEPTH + 1).ok()? else { return None };
        let (Json::Integer(log_index), Json::String(chain)) = (line.remove("log_index")?, line.remove("chain")?) else {
            return None;
        };
        let received_at = match line.remove("received_at") {
            Some(Json::String(time)) => time.parse().ok(),
            _ => None,
        };
        Some(Line {
            log_index: u64::try_from(log_index).ok()?,
            chain: chain.parse().ok()?,
            entry: Entry { event: line.remove("event")?, received_at },
        })
    }
}
