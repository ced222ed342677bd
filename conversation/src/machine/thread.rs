//! What a thread consists of, in the order of arrival: the lines that a driver shows.

use kez_core::{KeyId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Machine;
use super::records::Bytes;
use crate::content::Content;

/// Something that was said, as `thread/<peer in hex>/<place>` in a snapshot holds it. Each is there once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who said it.
    pub by: KeyId,
    /// On which device.
    pub device: KeyId,
    /// When it came here.
    pub at: Timestamp,
    /// Whether the device was one that one would still encrypt to.
    pub good: bool,
    /// What.
    pub content: Content,
}

#[derive(Serialize, Deserialize)]
struct Record {
    by: KeyId,
    device: KeyId,
    at: Timestamp,
    good: bool,
    content: Bytes,
}

impl Line {
    /// Reads a value of a snapshot.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Line> {
        let Record { by, device, at, good, content } = serde_json::from_slice(value).ok()?;
        Some(Line { by, device, at, good, content: Content::parse(&content).ok()? })
    }
}

impl Machine {
    /// Adds a line, in the same write as what it came of.
    pub(super) fn add_line(&self, peer: &KeyId, by: KeyId, device: KeyId, good: bool, content: &[u8]) {
        let content = Bytes::from(content.to_vec());
        let key = self.place_in(&format!("thread/{}", peer.hex()));
        self.store.put(&key, &Record { by, device, at: self.now.wall, good, content });
    }
}
