//! The conversations' groups, as they are written down, and the library on top of them.

use std::sync::Arc;

use kez_core::KeyId;

use super::Machine;
use super::records::{Group, Status};
use crate::context::Cid;
use crate::mls::{Me, Mls, Place};

impl Machine {
    pub(super) fn group(&self, cid: &Cid) -> Option<Group> {
        self.store.get(&format!("group/{cid}"))
    }

    pub(super) fn put_group(&self, group: &Group) {
        self.store.put(&format!("group/{}", group.cid), group);
    }

    pub(super) fn groups(&self) -> Vec<Group> {
        self.store.keys("group/").iter().filter_map(|key| self.store.get(key)).collect()
    }

    /// The group that one sends in: of those that are joined and not stopped the one of the highest generation.
    pub(super) fn best_group(&self, peer: &KeyId) -> Option<Group> {
        let usable = |group: &Group| group.peer == *peer && group.status == Status::Following;
        let groups = self.groups().into_iter().filter(usable);
        groups.max_by_key(|group| (group.r#gen, group.started_at, std::cmp::Reverse(group.cid)))
    }

    pub(super) fn mls<T>(&self, work: impl FnOnce(&Mls<'_>) -> T) -> Option<T> {
        let me: Me = self.store.get("me")?;
        Some(work(&Mls { store: &self.store, stream: &self.stream, me: &me, sound: Arc::clone(&self.sound) }))
    }

    pub(super) fn place(group: &Group) -> Place {
        Place { cid: group.cid, life: group.lives.last().map_or(0, |(life, _)| *life) }
    }
}
