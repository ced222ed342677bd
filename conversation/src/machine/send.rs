//! The outbox: content until it is encrypted, frames until each mailbox has taken them.

use kez_core::KeyId;

use super::records::{Bytes, Group, Out, Sent, Status, What};
use super::{DAY, Machine, RETRY_MS};
use crate::content::Id;
use crate::effect::{Effect, Notice, Wait};

/// How long something waits for a mailbox, in seconds.
const GIVE_UP_SECS: u64 = 30 * DAY;
/// Frames that wait for the devices of one identity; with more nothing is encrypted for it.
const MOST_WAITING: usize = 1_024;

impl Machine {
    pub(super) fn outs(&self) -> Vec<(String, Out)> {
        self.store.keys("out/").into_iter().filter_map(|key| Some((key.clone(), self.store.get(&key)?))).collect()
    }

    pub(super) fn work_outbox(&mut self) {
        self.give_up();
        self.work_receipts();
        let mut peers: Vec<KeyId> = Vec::new();
        for (_, out) in self.outs() {
            if matches!(out.what, What::Content { .. }) && out.sent.is_none() && !peers.contains(&out.peer) {
                peers.push(out.peer);
            }
        }
        for mut group in self.groups() {
            let due = group.added && (group.hurry || self.is_past(group.own_commit_at, self.own_commit_secs(&group)));
            if due && group.status == Status::Following && !peers.contains(&group.peer) {
                self.prepare(&mut group);
            }
        }
        for peer in peers {
            let Some(mut group) = self.best_group(&peer) else {
                self.wait(peer, Wait::NoConversation);
                continue;
            };
            if self.prepare(&mut group) {
                self.encrypt_all(&mut group);
            }
        }
        self.work_commits();
    }

    fn wait(&mut self, peer: KeyId, why: Wait) {
        if self.live.waiting.get(&peer) != Some(&why) || !self.live.told_waiting.contains(&peer) {
            let why = *self.live.waiting.entry(peer).or_insert(why);
            self.live.told_waiting.insert(peer);
            self.tell(Notice::Waiting { with: peer, why });
        }
    }

    /// Nothing is encrypted to a leaf that is not good: chains and log are a minute old at most, the log is followed to its
    /// end, and what has to be removed is. False while something is awaited.
    fn prepare(&mut self, group: &mut Group) -> bool {
        #[cfg(feature = "planted")]
        if self.config.fault == Some(crate::Fault::OldNews) && group.pending.is_none() && !group.added {
            return true;
        }
        if !self.is_only() | !self.is_emptied() || self.has_mail(&group.cid) {
            return false;
        }
        let (own, peer) = (self.config.chain, group.peer);
        let (Some(own_facts), Some(peer_facts)) = (self.fresh_facts(&own), self.fresh_facts(&peer)) else {
            return false;
        };
        if !self.is_level(group) {
            return false;
        }
        let facts = |chain: &KeyId| if *chain == own { &own_facts } else { &peer_facts };
        let bad = |leaf: &&(u32, KeyId, KeyId)| !facts(&leaf.1).is_good(&leaf.2);
        let remove: Vec<u32> = group.leaves.iter().filter(bad).map(|(index, _, _)| *index).collect();
        let stays = |leaf: &(u32, KeyId, KeyId)| leaf.1 == peer && !remove.contains(&leaf.0);
        if !group.leaves.iter().any(stays) || !own_facts.is_good(&self.config.device) {
            // The last leaf of the other side is never removed: the conversation rests.
            self.wait(peer, Wait::NoPackages);
            return false;
        }
        let own_due = self.needs_own_commit(group);
        if let Some(pending) = &group.pending {
            return !(pending.removes || own_due || !remove.is_empty());
        }
        let mut packages = Vec::new();
        for facts in [&own_facts, &peer_facts] {
            let is_leaf = |device: &KeyId| group.leaves.iter().any(|(_, _, leaf)| leaf == device);
            let missing: Vec<KeyId> =
                facts.good().filter(|device| *device != self.config.device && !is_leaf(device)).collect();
            if !missing.is_empty() {
                packages.extend(self.packages_for(facts.chain, &missing));
            }
            if peer == own {
                break;
            }
        }
        if !remove.is_empty() || own_due || !packages.is_empty() {
            self.propose(group, &packages, &remove, None);
        }
        remove.is_empty() && !own_due
    }

    fn encrypt_all(&mut self, group: &mut Group) {
        let place = Machine::place(group);
        for (key, mut out) in self.outs() {
            let What::Content { id, bytes, .. } = &out.what else { continue };
            let id = *id;
            if out.peer != group.peer || out.sent.is_some() || self.waiting_frames(&out.peer) >= MOST_WAITING {
                continue;
            }
            let leaves: Vec<KeyId> = group.leaves.iter().map(|(_, _, device)| *device).collect();
            let wanted = out.only.clone().unwrap_or_else(|| leaves.clone());
            let devices: Vec<KeyId> = wanted.iter().filter(|device| leaves.contains(device)).copied().collect();
            if devices.is_empty() {
                // Whoever is no leaf any longer gets what it missed when it is one again.
                self.store.delete(&key);
                continue;
            }
            let mark = self.store.mark();
            let Some(Ok(frame)) = self.mls(|mls| mls.encrypt(place, bytes)) else {
                self.store.back_to(mark);
                return;
            };
            let todo = devices.into_iter().map(|device| (device, self.random_id())).collect();
            let frame = Bytes::from(frame);
            out.sent = Some(Sent { cid: Some(group.cid), epoch: group.epoch, frame, todo, late: Vec::new() });
            self.store.put(&key, &out);
            group.own_frames += 1;
            if !group.unsure.contains(&id) {
                group.unsure.push(id);
            }
            let number = self.number();
            self.live.unsure_at.insert(group.cid, number);
            self.put_group(group);
            self.live.waiting.remove(&group.peer);
            self.live.told_waiting.remove(&group.peer);
        }
    }

    fn waiting_frames(&self, peer: &KeyId) -> usize {
        let outs = self.outs();
        outs.iter()
            .filter(|(_, out)| out.peer == *peer)
            .filter_map(|(_, out)| out.sent.as_ref())
            .map(|s| s.todo.len())
            .sum()
    }

    /// Publishes what is not under way and was not refused a moment ago. What was said is not published in an epoch that may be
    /// over: its readers may have let go of the keys.
    pub(super) fn work_publishes(&mut self) {
        for (key, out) in self.outs() {
            let is_content = matches!(out.what, What::Content { .. });
            let Some(sent) = out.sent else { continue };
            if let Some(group) = sent.cid.filter(|_| is_content).and_then(|cid| self.group(&cid))
                && group.status == Status::Following
                && !self.is_level(&group)
            {
                continue;
            }
            for (device, id) in sent.todo {
                let of = (key.clone(), device);
                let held = self.live.refused_publishes.get(&of).is_some_and(|asked| asked.not_before > self.now.steady);
                if held || self.live.publishing.contains(&of) {
                    continue;
                }
                let publish = self.number();
                self.live.publishing.insert(of.clone());
                self.live.publishes.insert(publish, (of.0, device, id));
                self.effects.push(Effect::Publish { publish, device, message_id: id.0, frame: sent.frame.to_vec() });
            }
        }
    }

    pub(super) fn published(&mut self, publish: u64, kept: bool) {
        let Some((key, device, id)) = self.live.publishes.remove(&publish) else { return };
        let of = (key, device);
        self.live.publishing.remove(&of);
        if !kept {
            let asked = self.live.refused_publishes.entry(of).or_default();
            asked.failures = (asked.failures + 1).min(16);
            asked.not_before = self.now.steady + (RETRY_MS.0 << asked.failures).min(RETRY_MS.1);
            return;
        }
        self.live.refused_publishes.remove(&of);
        let (key, device) = of;
        let Some(mut out) = self.store.get::<Out>(&key) else { return };
        // Encrypted anew meanwhile: what the mailbox has now may be of no use to its reader.
        let Some(sent) = out.sent.as_mut().filter(|sent| sent.todo.contains(&(device, id))) else { return };
        sent.todo.retain(|(other, _)| *other != device);
        let group = sent.cid.and_then(|cid| self.group(&cid));
        if matches!(out.what, What::Content { .. })
            && group.and_then(|group| group.pending).is_some_and(|pending| pending.epoch == sent.epoch)
        {
            sent.late.push(device);
        }
        self.put_or_finish(&key, &out);
    }

    /// What all mailboxes have is done.
    fn put_or_finish(&mut self, key: &str, out: &Out) {
        if out.sent.as_ref().is_none_or(|sent| !(sent.todo.is_empty() && sent.late.is_empty())) {
            return self.store.put(key, out);
        }
        if let What::Content { id, said: true, .. } = out.what {
            self.tell(Notice::Delivered { with: out.peer, id });
        }
        self.store.delete(key);
    }

    /// No commit of one's own is under way any longer, and none came of it: what mailboxes took meanwhile can be read.
    pub(super) fn late_is_in_time(&mut self, group: &Group) {
        for (key, mut out) in self.outs() {
            if let Some(sent) = out.sent.as_mut().filter(|sent| sent.cid == Some(group.cid) && !sent.late.is_empty()) {
                sent.late.clear();
                self.put_or_finish(&key, &out);
            }
        }
    }

    fn give_up(&mut self) {
        for (key, out) in self.outs() {
            if !self.is_past(out.at, GIVE_UP_SECS) {
                continue;
            }
            if let What::Content { id, said: true, .. } = out.what {
                let todo = out.sent.map(|sent| sent.todo.into_iter().map(|(device, _)| device).collect());
                let devices: Vec<KeyId> = todo.or(out.only).unwrap_or_default();
                self.tell(Notice::GivenUp { with: out.peer, id, devices });
            }
            self.store.delete(&key);
        }
    }

    /// Puts content into the outbox.
    pub(super) fn put_out(&mut self, peer: KeyId, id: Id, bytes: Vec<u8>, said: bool, only: Option<Vec<KeyId>>) {
        let what = What::Content { id, bytes: Bytes::from(bytes), said };
        let key = self.place_in("out");
        self.store.put(&key, &Out { peer, at: self.now.wall, what, only, sent: None });
    }
}
