//! What the machine remembers, by key: what is written down, and what one step has changed and nobody has written yet.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// What a driver keeps for a device: values by key. Values hold private keys, and are sealed by whoever stores them.
pub type Snapshot = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// Changes that are one: all are written durably, or none. A key without a value is deleted.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch(pub BTreeMap<String, Option<Zeroizing<Vec<u8>>>>);

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes the changes in `snapshot`.
    pub fn apply(&self, snapshot: &mut Snapshot) {
        for (key, value) in &self.0 {
            match value {
                Some(value) => snapshot.insert(key.clone(), value.clone()),
                None => snapshot.remove(key),
            };
        }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A handle on the memory; all clones are one memory, since the library asks for a store of its own.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    written: Snapshot,
    changed: Batch,
    /// Records that were read, since most are read at every event.
    read: BTreeMap<String, Arc<dyn Any + Send + Sync>>,
}

/// What had changed at some moment within a step.
pub(crate) struct Mark(Batch);

impl Store {
    pub(crate) fn open(snapshot: Snapshot) -> Self {
        Store(Arc::new(Mutex::new(Memory { written: snapshot, ..Memory::default() })))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bytes(&self, key: &str) -> Option<Zeroizing<Vec<u8>>> {
        let memory = self.memory();
        match memory.changed.0.get(key) {
            Some(changed) => changed.clone(),
            None => memory.written.get(key).cloned(),
        }
    }

    pub(crate) fn put_bytes(&self, key: &str, value: Zeroizing<Vec<u8>>) {
        let mut memory = self.memory();
        memory.read.remove(key);
        memory.changed.0.insert(key.to_owned(), Some(value));
    }

    pub(crate) fn delete(&self, key: &str) {
        let mut memory = self.memory();
        memory.read.remove(key);
        if memory.written.contains_key(key) {
            memory.changed.0.insert(key.to_owned(), None);
        } else {
            memory.changed.0.remove(key);
        }
    }

    /// A record. One that does not read is as if it were not there: a later version wrote it, or the disk lies.
    pub(crate) fn get<T: DeserializeOwned + Clone + Send + Sync + 'static>(&self, key: &str) -> Option<T> {
        if let Some(read) = self.memory().read.get(key).and_then(|read| read.downcast_ref::<T>()) {
            return Some(read.clone());
        }
        let value: T = serde_json::from_slice(&self.bytes(key)?).ok()?;
        self.memory().read.insert(key.to_owned(), Arc::new(value.clone()));
        Some(value)
    }

    pub(crate) fn put<T: Serialize>(&self, key: &str, value: &T) {
        let bytes = serde_json::to_vec(value).expect("records are plain values with text keys");
        self.put_bytes(key, Zeroizing::new(bytes));
    }

    /// The keys that begin with `prefix`, in order.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let memory = self.memory();
        let begins = |key: &&String| key.starts_with(prefix);
        let from = prefix.to_owned();
        let written = memory.written.range(from.clone()..).map(|(key, _)| key).take_while(begins);
        let changed = memory.changed.0.range(from..).take_while(|(key, _)| key.starts_with(prefix));
        let mut keys: std::collections::BTreeSet<String> = written.cloned().collect();
        for (key, value) in changed {
            if value.is_some() {
                keys.insert(key.clone());
            } else {
                keys.remove(key);
            }
        }
        keys.into_iter().collect()
    }

    pub(crate) fn delete_all(&self, prefix: &str) {
        for key in self.keys(prefix) {
            self.delete(&key);
        }
    }

    /// Remembers what has changed so far, to go back to.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.memory().changed.clone())
    }

    /// Whether there is a value.
    pub(crate) fn has(&self, key: &str) -> bool {
        let memory = self.memory();
        memory.changed.0.get(key).map_or_else(|| memory.written.contains_key(key), Option::is_some)
    }

    /// Forgets what changed since the mark: a step that could not be finished leaves no trace.
    pub(crate) fn back_to(&self, mark: Mark) {
        let mut memory = self.memory();
        let changed = std::mem::replace(&mut memory.changed, mark.0);
        changed.0.keys().for_each(|key| drop(memory.read.remove(key)));
        let changed = memory.changed.0.keys().cloned().collect::<Vec<_>>();
        changed.iter().for_each(|key| drop(memory.read.remove(key)));
    }

    /// What changed, to be written; from here on it counts as written.
    pub(crate) fn take(&self) -> Batch {
        let mut memory = self.memory();
        let batch = std::mem::take(&mut memory.changed);
        batch.apply(&mut memory.written);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_sees_its_own_changes_and_can_go_back() {
        let store = Store::open(Snapshot::new());
        store.put("a/1", &1);
        assert_eq!(store.take().0.len(), 1);
        store.put("a/2", &2);
        let mark = store.mark();
        store.put("a/1", &7);
        store.delete("a/2");
        store.put("a/3", &3);
        assert_eq!(store.keys("a/"), ["a/1", "a/3"]);
        store.back_to(mark);
        assert_eq!((store.get("a/1"), store.get("a/2"), store.get::<i32>("a/3")), (Some(1), Some(2), None));
        store.delete("a/1");
        let batch = store.take();
        assert_eq!(format!("{batch:?}"), r#"{"a/1", "a/2"}"#);
        assert_eq!(store.keys("a/"), ["a/2"]);
    }

    #[test]
    fn what_came_and_went_in_one_step_is_not_written() {
        let store = Store::open(Snapshot::new());
        store.put("a", &1);
        store.delete("a");
        assert!(store.take().is_empty());
    }
}
