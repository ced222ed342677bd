//! What changed is said once, by the store, and everything that remembers something listens: ready answers, keys, loaded
//! chains, sessions. How the news comes from whoever made a change is the store's own (`kez_store::changes`).
//!
//! Nothing that is remembered is believed while its news cannot be heard: a memory asks [`Hearing::is_on`], and what it had
//! is forgotten before that is so again.

use std::sync::{Arc, OnceLock};

use kez_sig_server::service::Service;
use kez_store::changes::{Change, Hearing, Listener};
use tokio::sync::mpsc;

/// Something that remembers what may change.
pub(crate) trait Memory: Send + Sync {
    /// What depends on this is not so any more.
    fn forget(&self, change: &Change);

    /// Nothing may be so any more.
    fn forget_all(&self);
}

/// Loaded chains.
impl Memory for Service {
    fn forget(&self, change: &Change) {
        self.heard(change);
    }

    fn forget_all(&self) {
        self.missed();
    }
}

/// Whoever ends the sessions of keys that may no longer log in.
impl Memory for mpsc::UnboundedSender<Change> {
    fn forget(&self, change: &Change) {
        if change.keys.iter().any(|(_, is_end)| *is_end) {
            // The other end goes when the server does.
            let _ = self.send(change.clone());
        }
    }

    /// All sessions are looked through every now and then, whatever was heard.
    fn forget_all(&self) {}
}

/// Tells every memory.
#[derive(Default)]
pub(crate) struct Changes {
    hearing: Hearing,
    memories: OnceLock<Vec<Arc<dyn Memory>>>,
}

impl Changes {
    /// For the memories to ask.
    pub(crate) fn hearing(&self) -> Hearing {
        self.hearing.clone()
    }

    /// Has these told from now on. To be called once, before any of them remembers anything.
    pub(crate) fn tell(&self, memories: Vec<Arc<dyn Memory>>) {
        let is_first = self.memories.set(memories).is_ok();
        debug_assert!(is_first, "the assembly calls this once");
    }

    fn memories(&self) -> impl Iterator<Item = &Arc<dyn Memory>> {
        self.memories.get().into_iter().flatten()
    }
}

impl Listener for Changes {
    fn changed(&self, change: &Change) {
        self.memories().for_each(|memory| memory.forget(change));
    }

    fn hears(&self, is_heard: bool) {
        if is_heard {
            // Nobody knows what was missed.
            self.memories().for_each(|memory| memory.forget_all());
        }
        self.hearing.set(is_heard);
    }
}

#[cfg(test)]
mod tests {
    use kez_core::SigningKey;

    use super::*;
    use crate::cache::Cache;
    use crate::identities::ByKey;

    #[test]
    fn nothing_is_believed_while_its_news_cannot_be_heard() {
        let changes = Changes::default();
        let by_key: Arc<Cache<Box<str>, u32>> = Arc::new(Cache::new(8, changes.hearing()));
        changes.tell(vec![by_key.clone()]);
        let put = |value| by_key.put("alice".into(), by_key.ticket("alice"), value);
        assert!(put(1));
        assert_eq!(by_key.get("alice"), Some(1));
        changes.hears(false);
        assert_eq!(by_key.get("alice"), None, "it may have changed");
        let before = by_key.ticket("alice");
        assert!(put(2), "nothing is known to be newer");
        assert_eq!(by_key.get("alice"), None);
        changes.hears(true);
        assert_eq!(by_key.get("alice"), None, "what was read before, and what was read meanwhile");
        assert!(!by_key.put("alice".into(), before, 2), "it was read when changes could be missed");
        assert!(put(3));
        assert_eq!(by_key.get("alice"), Some(3));
    }

    #[test]
    fn a_change_is_told_to_each_memory_and_ends_to_sessions() {
        let changes = Changes::default();
        let key = |seed| SigningKey::from_seed(&[seed; 32]).id();
        let (sessions, mut ended) = mpsc::unbounded_channel();
        let by_key: Arc<ByKey> = Arc::new(Cache::new(8, changes.hearing()));
        changes.tell(vec![by_key.clone(), Arc::new(sessions)]);
        let ticket = by_key.ticket(&key(1));
        let change = |is_end| Change {
            chain: key(1),
            entries: None,
            handle: Some("alice".parse().expect("a handle")),
            keys: vec![(key(1), is_end)],
        };
        changes.changed(&change(false));
        assert!(ended.try_recv().is_err(), "nobody has to go");
        let member = crate::callout::Member { handle: "alice".parse().expect("a handle"), chain: key(1) };
        assert!(!by_key.put(key(1), ticket, Arc::new(member)), "it was read before the change");
        changes.changed(&change(true));
        assert_eq!(ended.try_recv(), Ok(change(true)));
    }
}
