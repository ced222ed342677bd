//! A device: a key, a disk, perhaps a machine that runs, and what is on its way to it.

use std::collections::{BTreeMap, BTreeSet};

use kez_conversation::{Batch, Event, Line, Machine, Snapshot, Stands};
use kez_core::{KeyId, SigningKey};

pub(crate) struct Device {
    pub(crate) key: SigningKey,
    pub(crate) id: KeyId,
    pub(crate) chain: KeyId,
    pub(crate) disk: Snapshot,
    pub(crate) machine: Option<Machine>,
    pub(crate) connected: bool,
    pub(crate) revoked: bool,
    pub(crate) revoked_at: Option<i64>,
    pub(crate) contacts: BTreeMap<KeyId, Stands>,
    /// Identities with which it was in a conversation.
    pub(crate) joined: BTreeSet<KeyId>,
    pub(crate) inbox: BTreeMap<(u64, u64), Incoming>,
    pub(crate) wake: Option<u64>,
    pub(crate) pulled: u64,
    pub(crate) pull_at: Option<u64>,
    /// Whether its disk was put back as it was before.
    pub(crate) restored: bool,
    /// The look at the mailbox that is under way.
    pub(crate) look: Option<u64>,
}

pub(crate) struct Incoming(pub Event);

pub(crate) enum Due {
    Event(Event),
    Wake,
    Pull,
}

impl Device {
    pub(crate) fn new(key: SigningKey, chain: KeyId) -> Self {
        Device {
            id: key.id(),
            key,
            chain,
            disk: Snapshot::new(),
            machine: None,
            connected: false,
            revoked: false,
            revoked_at: None,
            contacts: BTreeMap::new(),
            joined: BTreeSet::new(),
            inbox: BTreeMap::new(),
            wake: None,
            pulled: 0,
            pull_at: None,
            restored: false,
            look: None,
        }
    }

    /// A new session pulls from the oldest frame that is not acknowledged.
    pub(crate) fn begin_pulling(&mut self, clock: u64) {
        self.pulled = 0;
        self.look = None;
        self.pull_at = Some(clock + 10);
    }

    pub(crate) fn next_due(&self) -> Option<u64> {
        self.machine.as_ref()?;
        let event = self.inbox.keys().next().map(|(due, _)| *due);
        let pull = self.pull_at.filter(|_| self.connected);
        [event, self.wake, pull].into_iter().flatten().min()
    }

    pub(crate) fn take_due(&mut self, clock: u64) -> Due {
        if let Some(entry) = self.inbox.first_entry()
            && entry.key().0 <= clock
        {
            return Due::Event(entry.remove().0);
        }
        if self.pull_at.is_some_and(|at| self.connected && at <= clock) {
            return Due::Pull;
        }
        self.wake = None;
        Due::Wake
    }

    pub(crate) fn knows_contact(&self, chain: &KeyId) -> bool {
        self.disk.contains_key(&format!("contact/{}", chain.hex()))
    }

    /// The lines of all its threads.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let threads = self.disk.iter().filter(|(key, _)| key.starts_with("thread/"));
        threads.map(|(_, value)| Line::read(value).expect("a line")).collect()
    }

    pub(crate) fn remember_joined(&mut self, writes: &Batch) {
        for (key, value) in writes.0.range("group/".to_owned()..) {
            if !key.starts_with("group/") {
                break;
            }
            let Some(value) = value else { continue };
            let group: serde_json::Value = serde_json::from_slice(value).expect("a record");
            if group["status"] == "Following"
                && let Some(peer) = group["peer"].as_str()
            {
                self.joined.insert(peer.parse().expect("a key"));
            }
        }
    }

    /// What is kept of it that others wait for, or that waits for it.
    pub(crate) fn is_idle(&self) -> bool {
        !["out/", "mail/", "lost/", "owed/"]
            .iter()
            .any(|list| self.disk.range((*list).to_owned()..).next().is_some_and(|(key, _)| key.starts_with(list)))
    }
}
