//! Following a conversation's log, commit by commit.

use kez_core::KeyId;

use super::records::{Group, Out, Status, What};
use super::{DAY, FRESH_MS, LogPart, Machine};
use crate::context::Cid;
use crate::effect::{Notice, Request};
use crate::event::{Answer, Entry, Refused};
use crate::frame;
use crate::mls::{View, epoch_key, gate_hash};

/// How long the keys of a past epoch are kept at least, in seconds.
const PAST_SECS: u64 = 7 * DAY;

impl Machine {
    /// To the end where nothing is left in the mailbox that an earlier epoch opens: what was stored there before the log was
    /// read has been opened.
    pub(super) fn work_logs(&mut self) {
        for mut group in self.groups() {
            if group.status != Status::Following || self.has_mail(&group.cid) {
                continue;
            }
            if !self.live.logs.contains_key(&group.cid) {
                self.ask_log(&group.cid, group.epoch);
            }
            while group.status == Status::Following
                && self.next_entry(&group).is_some()
                && self.live.logs.get(&group.cid).map(|part| part.answer).is_some_and(|at| self.is_emptied_since(at))
                && self.follow_one(&mut group)
            {}
            let behind = self.live.logs.get(&group.cid).is_some_and(|part| part.log.epoch > group.epoch);
            if behind && group.status == Status::Following && self.next_entry(&group).is_none() {
                self.ask_log(&group.cid, group.epoch);
            }
        }
    }

    /// Asks for the commits from the one that ends `epoch` on.
    pub(super) fn ask_log(&mut self, cid: &Cid, epoch: u64) {
        self.ask(format!("log/{cid}"), Request::Log { conversation: *cid, after: epoch.saturating_sub(1) });
    }

    /// Whether the log was read to its end within the last minute; else it is read.
    pub(super) fn is_level(&mut self, group: &Group) -> bool {
        let now = self.now.steady;
        let level = self
            .live
            .logs
            .get(&group.cid)
            .is_some_and(|part| part.known && now < part.at + FRESH_MS && part.log.epoch == group.epoch);
        if !level {
            let fetched = self.live.logs.get(&group.cid).is_some_and(|part| now < part.at + FRESH_MS);
            if !fetched || self.next_entry(group).is_none() {
                self.ask_log(&group.cid, group.epoch);
            }
        }
        level
    }

    fn next_entry(&self, group: &Group) -> Option<Entry> {
        let part = self.live.logs.get(&group.cid)?;
        part.log.commits.iter().find(|entry| entry.epoch == group.epoch).cloned()
    }

    /// Takes the next commit that is at hand; false when there is none, or it cannot be judged yet.
    pub(super) fn follow_one(&mut self, group: &mut Group) -> bool {
        let Some(entry) = self.next_entry(group) else { return false };
        if let Some(pending) = group.pending.clone()
            && *pending.commit == *entry.commit
        {
            if pending.next_gate == entry.next_gate {
                self.merge_own(group, pending);
            } else {
                self.stop(group);
            }
            return true;
        }
        // Nobody is called unsound on old news: what is known is younger than the answer with the commit.
        let refused = self.live.refused.get(&group.cid) == Some(&group.epoch);
        if refused && !self.knows_both_since_log(group) {
            return false;
        }
        let place = Machine::place(group);
        let mark = self.store.mark();
        match self.mls(|mls| mls.follow(place, &entry.commit)) {
            Some(Ok((Some(view), nonce))) if gate_hash(&view.gate) == entry.next_gate => {
                if !nonce.is_empty() {
                    group.answered.push(const_hex::encode(nonce));
                }
                self.drop_pending(group);
                self.epoch_begins(group, &view);
            }
            Some(Ok((None, _))) => self.was_removed(group),
            _ => {
                self.store.back_to(mark);
                let mark = self.store.mark();
                let is_own = self.mls(|mls| mls.is_own(place, &entry.commit)) == Some(true);
                self.store.back_to(mark);
                if is_own {
                    // A copy of this state made it: this one lost its place in the conversation, and nobody else did.
                    self.tell(Notice::Copied { with: group.peer });
                    self.was_removed(group);
                    return true;
                }
                if !self.knows_both_since_log(group) {
                    self.live.refused.insert(group.cid, group.epoch);
                    return false;
                }
                self.stop(group);
            }
        }
        true
    }

    fn knows_both_since_log(&mut self, group: &Group) -> bool {
        let (own, peer) = (self.config.chain, group.peer);
        let read = self.live.logs.get(&group.cid).map_or(0, |part| part.answer);
        self.is_known_since(&own, read) & self.is_known_since(&peer, read)
    }

    fn was_removed(&mut self, group: &mut Group) {
        group.status = Status::Removed;
        group.pending = None;
        self.encrypt_anew(group);
        // It may have been sent after the commit, and nobody opens it who had followed before it came.
        for id in std::mem::take(&mut group.unsure) {
            self.say_to_all_again(&group.peer, id);
        }
        self.put_group(group);
        self.tell(Notice::Devices { with: group.peer, joined: Vec::new(), left: vec![self.config.device] });
        self.lose(group.peer);
    }

    /// A group is in its next epoch.
    pub(super) fn epoch_begins(&mut self, group: &mut Group, view: &View) {
        group.ended.push((group.epoch, self.now.wall, false));
        group.epoch = view.epoch;
        group.own_frames = 0;
        let number = self.number();
        self.live.begun_at.insert(group.cid, number);
        let before: Vec<(u32, KeyId)> = group.leaves.iter().map(|(index, _, device)| (*index, *device)).collect();
        let before_chat: Vec<KeyId> = before.iter().map(|(_, device)| *device).collect();
        let again: Vec<KeyId> = view.added.iter().filter(|d| self.was_member(&group.peer, d)).copied().collect();
        self.remember_leaves(group, view);
        let now: Vec<KeyId> = group.leaves.iter().map(|(_, _, device)| *device).collect();
        let joined: Vec<KeyId> = now.iter().filter(|device| !before_chat.contains(device)).copied().collect();
        let left: Vec<KeyId> = before_chat.iter().filter(|device| !now.contains(device)).copied().collect();
        self.encrypt_anew(group);
        // The commits of later epochs may have been in the log as well when it was said.
        let unsure = group.unsure.clone();
        for device in &view.added {
            if again.contains(device) {
                self.say_again(group, *device);
            } else {
                self.say_unsure(group, &unsure, *device);
            }
        }
        self.put_group(group);
        if !(joined.is_empty() && left.is_empty()) {
            self.tell(Notice::Devices { with: group.peer, joined, left });
        }
    }

    /// Whether a device was in a conversation with this identity before.
    pub(super) fn was_member(&self, peer: &KeyId, device: &KeyId) -> bool {
        self.store.has(&format!("member/{}/{}", peer.hex(), device.hex()))
    }

    /// Writes the other leaves down.
    pub(super) fn remember_leaves(&self, group: &mut Group, view: &View) {
        group.leaves.clear();
        group.own = view.own;
        for seat in view.seats.iter().filter(|seat| seat.index != view.own) {
            group.leaves.push((seat.index, seat.leaf.chain, seat.leaf.device));
            if !self.was_member(&group.peer, &seat.leaf.device) {
                self.store.put(&format!("member/{}/{}", group.peer.hex(), seat.leaf.device.hex()), &true);
            }
        }
    }

    /// What a mailbox has not taken when its epoch ends is encrypted anew, for the devices that are still there.
    pub(super) fn encrypt_anew(&self, group: &Group) {
        for (key, mut out) in self.outs() {
            let What::Content { .. } = out.what else { continue };
            let over = |epoch: u64| epoch < group.epoch || group.status != Status::Following;
            let Some(sent) = out.sent.take_if(|sent| sent.cid == Some(group.cid) && over(sent.epoch)) else {
                continue;
            };
            let devices = sent.todo.into_iter().map(|(device, _)| device).chain(sent.late).collect();
            self.only_for(&key, out, devices);
        }
    }

    pub(super) fn only_for(&self, key: &str, mut out: Out, devices: Vec<KeyId>) {
        if devices.is_empty() {
            return self.store.delete(key);
        }
        out.only = Some(devices);
        self.store.put(key, &out);
    }

    pub(super) fn log_answered(&mut self, cid: Cid, answer: &Answer) {
        let (log, known) = match answer {
            Answer::Log(log) => (log.clone(), true),
            Answer::Refused(Refused::NotFound) => (Default::default(), false),
            _ => return self.back_off(&format!("log/{cid}")),
        };
        let (at, request) =
            self.live.asked.get(&format!("log/{cid}")).map_or((0, 0), |asked| (asked.at, asked.request));
        // An answer from before this device's own commit says nothing of what came of it.
        let current = self.live.begun_at.get(&cid).is_none_or(|begun| request > *begun);
        if let Some(mut group) = self.group(&cid).filter(|_| current) {
            self.judge_log(&mut group, &log, known, request);
        }
        let answer = self.number();
        self.live.logs.insert(cid, LogPart { at, request, answer, log, known });
    }

    /// A log that went back, forked, or let go of what this device needs.
    fn judge_log(&mut self, group: &mut Group, log: &crate::event::Log, known: bool, request: u64) {
        if group.status != Status::Following {
            return;
        }
        if !known || log.epoch < group.epoch {
            return self.stop(group);
        }
        if group.started_at != log.started_at {
            group.started_at = log.started_at;
            self.put_group(group);
        }
        if log.epoch == group.epoch {
            let place = Machine::place(group);
            let same = self.mls(|mls| mls.view(place).is_ok_and(|view| gate_hash(&view.gate) == log.gate));
            if same != Some(true) {
                self.stop(group);
            } else if self.live.unsure_at.get(&group.cid).is_none_or(|at| request > *at) && !group.unsure.is_empty() {
                group.unsure.clear();
                self.put_group(group);
            }
        } else if log.oldest > group.epoch {
            self.was_removed(group);
        }
    }

    /// Whether a commit in the part of the log that is at hand answers one of these rejoins.
    pub(super) fn answers_in_log(&self, cid: &Cid, nonces: &[String]) -> bool {
        let Some(part) = self.live.logs.get(cid) else { return false };
        let answers = |commit: &[u8]| {
            frame::header(commit).is_some_and(|header| nonces.contains(&const_hex::encode(header.authenticated_data)))
        };
        part.log.commits.iter().any(|entry| answers(&entry.commit))
    }

    /// The mailbox was emptied once since these epochs ended; after a week nobody needs their keys.
    pub(super) fn let_go_of_past_keys(&mut self) {
        for mut group in self.groups() {
            let before = group.ended.clone();
            let life = Machine::place(&group).prefix();
            group.ended.iter_mut().for_each(|(_, _, emptied)| *emptied = true);
            group.ended.retain(|(epoch, at, _)| {
                let kept = !self.is_past(*at, PAST_SECS);
                if !kept {
                    self.store.delete(&epoch_key(&life, *epoch));
                }
                kept
            });
            if group.ended != before {
                self.put_group(&group);
            }
        }
    }
}
