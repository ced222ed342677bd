//! Commits of one's own: written as pending, posted until the server says what became of them, merged or dropped.

use kez_core::KeyId;

use super::records::{Bytes, Group, Pending, Status};
use super::{Asked, DAY, Machine};
use crate::context::Cid;
use crate::effect::Request;
use crate::event::{Answer, Refused};
use crate::mls::gate_hash;

/// A device makes a commit of its own before it sends, when it has made none for so long, or sent so many frames in one
/// epoch.
const OWN_COMMIT_SECS: u64 = 7 * DAY;
const OWN_FRAMES: u32 = 500;

impl Machine {
    /// Posts what is pending: the same bytes until there is an answer.
    pub(super) fn work_commits(&mut self) {
        for group in self.groups() {
            if group.status != Status::Following {
                continue;
            }
            if let Some(pending) = &group.pending {
                #[cfg(feature = "planted")]
                if self.config.fault == Some(crate::Fault::LostAnswerNotRepeated)
                    && self.live.asked.get(&format!("commit/{}", group.cid)).is_some_and(|asked| asked.failures > 0)
                {
                    let mut group = group;
                    group.pending = None;
                    self.put_group(&group);
                    continue;
                }
                let what = Request::Commit {
                    conversation: group.cid,
                    epoch: pending.epoch,
                    gate: pending.gate,
                    next_gate: pending.next_gate,
                    commit: pending.commit.to_vec(),
                };
                self.ask(format!("commit/{}", group.cid), what);
            }
        }
    }

    /// Whether this device has to make a commit before it next sends, for its own keys' sake.
    pub(super) fn needs_own_commit(&self, group: &Group) -> bool {
        group.added || group.own_frames >= OWN_FRAMES || self.is_past(group.own_commit_at, OWN_COMMIT_SECS)
    }

    /// When a device that was added makes a commit though it says nothing, in seconds since: within a day, others at other
    /// times.
    pub(super) fn own_commit_secs(&self, group: &Group) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|i| group.cid.0[i] ^ self.config.device.as_bytes()[i])) % DAY
    }

    /// Makes a commit that is wanted now. Others' packages are used up by it once it is merged.
    pub(super) fn propose(
        &mut self,
        group: &mut Group,
        add: &[(KeyId, String, Vec<u8>)],
        remove: &[u32],
        nonce: Option<[u8; 16]>,
    ) -> bool {
        let name = format!("commit/{}", group.cid);
        if group.pending.is_some() || !self.may_ask(&name) {
            return false;
        }
        let place = Machine::place(group);
        let packages: Vec<Vec<u8>> = add.iter().map(|(_, _, package)| package.clone()).collect();
        let mark = self.store.mark();
        let made = self.mls(|mls| {
            let gate = mls.view(place)?.gate;
            Ok::<_, crate::mls::Refused>((gate, mls.commit(place, &packages, remove, nonce)?))
        });
        let Some(Ok((gate, draft))) = made else {
            self.store.back_to(mark);
            // A package that the library refuses is no good.
            for (_, key, _) in add {
                self.use_package(key);
            }
            return false;
        };
        group.pending = Some(Pending {
            epoch: group.epoch,
            commit: Bytes::from(draft.commit),
            gate,
            next_gate: gate_hash(&draft.next_gate),
            secrets: Bytes(draft.secrets),
            welcome: draft.welcome.map(Bytes::from),
            adds: add.iter().map(|(device, _, _)| *device).collect(),
            packages: add.iter().filter_map(|(_, key, _)| Some((key.clone(), self.store.get(key)?))).collect(),
            removes: !remove.is_empty(),
        });
        // No other conversation uses them meanwhile.
        for (_, key, _) in add {
            self.use_package(key);
        }
        self.put_group(group);
        #[cfg(feature = "planted")]
        if self.config.fault == Some(crate::Fault::WelcomeBeforeAnswer)
            && let Some(pending) = group.pending.clone()
            && let Some(welcome) = pending.welcome
        {
            self.send_welcome(group, welcome, &pending.adds);
        }
        true
    }

    pub(super) fn commit_answered(&mut self, cid: Cid, answer: &Answer) {
        let Some(mut group) = self.group(&cid) else { return };
        let Some(pending) = group.pending.clone() else { return };
        let name = format!("commit/{cid}");
        match answer {
            Answer::Committed => {
                self.live.waiting.remove(&group.peer);
                self.merge_own(&mut group, pending);
            }
            Answer::Refused(Refused::Conflict { epoch }) => {
                if epoch.is_some_and(|epoch| epoch < pending.epoch) {
                    return self.stop(&mut group);
                }
                // Mine may be what won: the log says. Until then it stays.
                self.live.logs.remove(&cid);
                self.back_off(&name);
            }
            Answer::Refused(Refused::NotFound | Refused::NotAMember) => self.stop(&mut group),
            _ => self.back_off(&name),
        }
    }

    /// An own commit is in the log.
    pub(super) fn merge_own(&mut self, group: &mut Group, pending: Pending) {
        let place = Machine::place(group);
        let mark = self.store.mark();
        let Some(Ok(view)) = self.mls(|mls| mls.merge(place, &pending.secrets)) else {
            self.store.back_to(mark);
            return self.stop(group);
        };
        if let Some(header) = crate::frame::header(&pending.commit)
            && !header.authenticated_data.is_empty()
        {
            group.answered.push(const_hex::encode(header.authenticated_data));
        }
        group.pending = None;
        (group.added, group.hurry) = (false, false);
        group.own_commit_at = self.now.wall;
        self.live.asked.insert(format!("commit/{}", group.cid), Asked::default());
        self.epoch_begins(group, &view);
        if let Some(welcome) = pending.welcome {
            #[cfg(feature = "planted")]
            if self.config.fault == Some(crate::Fault::WelcomeBeforeAnswer) {
                return;
            }
            self.send_welcome(group, welcome, &pending.adds);
            self.tell_all(group, &pending.adds);
        }
    }

    /// Somebody else's commit won: what mine was for is looked at anew.
    pub(super) fn drop_pending(&mut self, group: &mut Group) {
        if let Some(pending) = group.pending.take() {
            for (key, claimed) in &pending.packages {
                self.store.put(key, claimed);
            }
            self.late_is_in_time(group);
            self.back_off(&format!("commit/{}", group.cid));
        }
    }
}
