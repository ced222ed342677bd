//! Joining a conversation by a Welcome.

use kez_core::KeyId;

use super::Machine;
use super::mail::Outcome;
use super::records::{Group, Mail, Status};
use crate::context::{Cid, Context};
use crate::effect::Notice;
use crate::event::{Log, Stands};
use crate::mls::{Mls, View, gate_hash};

impl Machine {
    pub(super) fn try_welcome(&mut self, key: &str, mail: &Mail) -> Outcome {
        let own = self.config.chain;
        let Some((cid, context, epoch)) = self.examine(key, mail) else { return Outcome::Done };
        // From the other identity, or from a sibling that takes this device into a conversation of theirs.
        let Some(peer) = context.peer_of(&own).filter(|peer| [*peer, own].contains(&mail.sender)) else {
            return Outcome::Done;
        };
        if context.server != self.config.server {
            return Outcome::Done;
        }
        let number = self.number();
        let came = *self.live.noticed.entry(key.to_owned()).or_insert(number);
        let known = self.group(&cid);
        // One from the past, of a life that ended.
        let is_late = |group: &Group| group.epoch >= epoch;
        let is_over = |group: &Group| matches!(group.status, Status::Starting | Status::Stopped);
        if known.as_ref().is_some_and(|group| is_late(group) || is_over(group)) {
            return Outcome::Done;
        }
        if self.fresh_facts(&own).is_none() | self.fresh_facts(&peer).is_none() {
            return Outcome::Waits;
        }
        let named = match self.named_gate(&cid, epoch) {
            Ok(named) => named,
            Err(outcome) => return outcome,
        };
        let answers_mine = self.answers_mine(&cid, &peer);
        if known.as_ref().is_some_and(|group| group.status == Status::Following) && !answers_mine {
            return Outcome::Done;
        }
        // Nobody is called unsound on old news: what is known is younger than the Welcome.
        let refused = self.live.refused_welcomes.contains(key);
        if refused && !(self.is_known_since(&own, came) & self.is_known_since(&peer, came)) {
            return Outcome::Waits;
        }
        let life = known.as_ref().and_then(|group| group.lives.last()).map_or(0, |(life, _)| life + 1);
        let mark = self.store.mark();
        let joined = self.mls(|mls| mls.join(life, &mail.frame));
        let Some(Ok((place, view, signer))) = joined else {
            self.store.back_to(mark);
            self.live.refused_welcomes.insert(key.to_owned());
            let known = self.is_known_since(&own, came) & self.is_known_since(&peer, came);
            return if known { Outcome::Done } else { Outcome::Waits };
        };
        let right = place.cid == cid && view.context == context && view.epoch == epoch;
        if !right || gate_hash(&view.gate) != named || signer.chain != mail.sender {
            self.store.back_to(mark);
            return Outcome::Done;
        }
        let mut group = match known {
            Some(mut group) => {
                group.lives.push((life, epoch));
                group.epoch = epoch;
                group.pending = None;
                group.own_frames = 0;
                self.missed_commits(&mut group, &view);
                self.encrypt_anew(&group);
                group
            }
            None => self.new_group(place, peer, &view),
        };
        group.status = Status::Following;
        group.added = true;
        // Others may have been given the same package: what is sealed by it is secret once this device has made a commit.
        group.hurry = Mls::references(&mail.frame).iter().any(|reference| self.is_last_resort(reference));
        group.own_commit_at = self.now.wall;
        self.put_group(&group);
        let state_was_lost = self.lost(&peer).is_some_and(|lost| lost.state);
        self.joined(&group, answers_mine, state_was_lost);
        Outcome::Done
    }

    /// What a Welcome is to, if this device can open it. Looking costs a decryption, so it looks once.
    fn examine(&mut self, key: &str, mail: &Mail) -> Option<(Cid, Context, u64)> {
        if let Some(examined) = self.live.examined.get(key) {
            return Some(examined.clone());
        }
        let examined = self.mls(|mls| mls.examine(&mail.frame))?.ok()?;
        self.live.examined.insert(key.to_owned(), examined.clone());
        Some(examined)
    }

    /// The hash of the gate that the log names for an epoch, once the log was read as far as there.
    fn named_gate(&mut self, cid: &Cid, epoch: u64) -> Result<[u8; 32], Outcome> {
        let Some(part) = self.live.logs.get(cid).filter(|part| part.log.epoch >= epoch || !part.known) else {
            self.ask_log(cid, epoch.saturating_sub(1));
            return Err(Outcome::Waits);
        };
        if !part.known {
            return Err(Outcome::Done);
        }
        if let Some(named) = gate_of(&part.log, epoch) {
            return Ok(named);
        }
        if part.log.oldest > epoch {
            return Err(Outcome::Done);
        }
        // Read for another reason, from further on.
        self.live.logs.remove(cid);
        self.ask_log(cid, epoch.saturating_sub(1));
        Err(Outcome::Waits)
    }

    /// Whether a commit that is at hand answers a rejoin of this device's: one answer comes for each group.
    fn answers_mine(&self, cid: &Cid, peer: &KeyId) -> bool {
        let nonces: Vec<String> = self.asked(peer).iter().map(|(_, nonce)| nonce.to_string()).collect();
        self.answers_in_log(cid, &nonces)
    }

    /// Whoever was added, or added again, by a commit that this device did not see is told what it would have been told then.
    fn missed_commits(&mut self, group: &mut Group, view: &View) {
        let unsure = std::mem::take(&mut group.unsure);
        let own = self.config.device;
        let devices = view.seats.iter().map(|seat| seat.leaf.device).filter(|device| *device != own);
        let devices: Vec<KeyId> = devices.collect();
        let known: Vec<bool> = devices.iter().map(|device| self.was_member(&group.peer, device)).collect();
        self.remember_leaves(group, view);
        for (device, known) in devices.into_iter().zip(known) {
            if known {
                self.say_again(group, device);
            } else {
                self.say_unsure(group, &unsure, device);
            }
        }
    }

    fn joined(&mut self, group: &Group, answers_mine: bool, state_was_lost: bool) {
        if self.contact(&group.peer).is_some_and(|contact| contact.stands == Stands::Asked) {
            self.contact_changes(group.peer, Stands::Contact { accepted_here: false });
            self.tell(Notice::Accepted { by: group.peer });
        }
        self.live.waiting.remove(&group.peer);
        self.live.failing.remove(&group.cid);
        #[cfg(feature = "planted")]
        if self.config.fault == Some(crate::Fault::RejoinLoops) {
            return;
        }
        if answers_mine || !state_was_lost {
            self.store.delete(&format!("lost/{}", group.peer.hex()));
        }
        self.say_here(group);
        // A text may have overtaken the Welcome.
        self.look_at_sealed(&[group.peer, self.config.chain]);
    }

    /// What is sealed of these is tried again.
    fn look_at_sealed(&self, of: &[KeyId]) {
        for key in self.store.keys("sealed/") {
            if let Some(mail) = self.store.get::<Mail>(&key)
                && of.contains(&mail.sender)
            {
                self.store.delete(&key);
                let place = self.place_in("mail");
                self.store.put(&place, &mail);
            }
        }
    }

    /// Who was a stranger and is none now: what was kept unopened of them is looked at.
    pub(super) fn unseal(&mut self, chain: KeyId) {
        let key = format!("stranger/{}", chain.hex());
        let known = self.contact(&chain).is_some_and(|contact| contact.stands != Stands::Stranger);
        if known {
            self.look_at_sealed(&[chain]);
        }
        if known && let Some(mail) = self.store.get::<Mail>(&key) {
            self.store.delete(&key);
            let place = self.place_in("mail");
            self.store.put(&place, &mail);
        }
    }
}

/// What the log names for an epoch.
fn gate_of(log: &Log, epoch: u64) -> Option<[u8; 32]> {
    if log.epoch == epoch {
        return Some(log.gate);
    }
    if log.oldest == epoch {
        return Some(log.oldest_gate);
    }
    log.commits.iter().find(|entry| entry.epoch + 1 == epoch).map(|entry| entry.next_gate)
}
