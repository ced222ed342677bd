//! Coming back: a device that cannot follow asks to be taken in again, and is, by one of those who can.

use kez_core::contact_request::MessageId;
use kez_core::rejoin::{MAX_AGE_SECS, Rejoin};
use kez_core::{KeyId, Timestamp};

use super::mail::Outcome;
use super::records::{Bytes, Lost, Mail, Out, Sent, Status, ToAnswer, What};
use super::{HOUR, Machine};
use crate::content::Id;
use crate::effect::Effect;

/// How long it waits before it asks, in seconds.
pub(super) const WAIT_SECS: u64 = 60;
/// How long each next member waits, in seconds.
pub(super) const TURN_SECS: u64 = 10;

impl Machine {
    pub(super) fn lost(&self, peer: &KeyId) -> Option<Lost> {
        self.store.get(&format!("lost/{}", peer.hex()))
    }

    /// When this device asked, and by which nonces, as long as anybody answers.
    pub(super) fn asked(&self, peer: &KeyId) -> Vec<(Timestamp, Id)> {
        self.store.get(&format!("asked/{}", peer.hex())).unwrap_or_default()
    }

    /// Conversations with this identity cannot be followed.
    pub(super) fn lose(&mut self, peer: KeyId) {
        let key = format!("lost/{}", peer.hex());
        match self.lost(&peer) {
            Some(lost) if lost.state => {}
            Some(lost) => self.store.put(&key, &Lost { state: true, ..lost }),
            None => {
                let lost = Lost { since: self.now.wall, first_asked: None, state: true };
                self.store.put(&key, &lost);
            }
        }
    }

    /// Asks where it has to be asked, once an hour at most.
    pub(super) fn work_lost(&mut self) {
        let own = self.config.chain;
        for peer in self.peers() {
            let key = format!("lost/{}", peer.hex());
            if self.lost(&peer).is_none() && self.lacks_group(&peer) && !self.is_beginner(&peer) {
                let lost = Lost { since: self.now.wall, first_asked: None, state: false };
                self.store.put(&key, &lost);
            }
            let Some(lost) = self.lost(&peer) else { continue };
            if !lost.state && !self.lacks_group(&peer) {
                self.store.delete(&key);
                continue;
            }
            // Once an hour at most, whatever was answered meanwhile.
            let asked = self.asked(&peer).last().map(|(at, _)| *at);
            let due = asked.is_none_or(|at| self.is_past(at, HOUR))
                && (self.is_past(lost.since, WAIT_SECS) || lost.since > self.now.wall);
            // Before anybody claims a package whose private keys are gone, they are replaced.
            let replaced = !self.store.has("replace");
            if !due || !replaced || self.live.signing.contains(&peer) {
                continue;
            }
            let (Some(own_facts), Some(_)) = (self.fresh_facts(&own), self.fresh_facts(&peer)) else { continue };
            // A device that nobody encrypts to does not ask.
            if !own_facts.is_good(&self.config.device) {
                continue;
            }
            self.live.signing.insert(peer);
            self.effects.push(Effect::SignRejoin(Rejoin {
                from: own,
                to: peer,
                device: self.config.device,
                server: self.config.server.clone(),
                created_at: self.now.wall,
                nonce: MessageId::from_bytes(self.random_id().0),
            }));
        }
    }

    fn lacks_group(&self, peer: &KeyId) -> bool {
        if *peer == self.config.chain && self.facts(peer).is_none_or(|facts| facts.good().count() < 2) {
            return false;
        }
        !self.groups().iter().any(|group| {
            group.peer == *peer && matches!(group.status, Status::Following | Status::Starting | Status::Stopped)
        })
    }

    /// The envelope is signed: it goes to every other device of both.
    pub(super) fn send_rejoin(&mut self, peer: KeyId, envelope: Vec<u8>) {
        self.live.signing.remove(&peer);
        let (Ok(rejoin), Some(lost)) = (Rejoin::verify(&envelope), self.lost(&peer)) else { return };
        let mut devices: Vec<KeyId> = Vec::new();
        for chain in [self.config.chain, peer] {
            devices.extend(self.facts(&chain).iter().flat_map(|facts| facts.good().collect::<Vec<_>>()));
        }
        devices.sort_unstable();
        devices.dedup();
        devices.retain(|device| *device != self.config.device);
        if devices.is_empty() {
            return self.store.delete(&format!("lost/{}", peer.hex()));
        }
        let Ok(nonce) = Id::try_from(rejoin.nonce.to_string()) else { return };
        let mut said = self.asked(&peer);
        said.retain(|(at, _)| !self.is_past(*at, MAX_AGE_SECS));
        said.push((self.now.wall, nonce));
        self.store.put(&format!("asked/{}", peer.hex()), &said);
        let asked = Lost { first_asked: Some(lost.first_asked.unwrap_or(self.now.wall)), ..lost };
        self.store.put(&format!("lost/{}", peer.hex()), &asked);
        let todo = devices.into_iter().map(|device| (device, self.random_id())).collect();
        let out = Out {
            peer,
            at: self.now.wall,
            what: What::Frame { cid: None },
            only: None,
            sent: Some(Sent { cid: None, epoch: 0, frame: Bytes::from(envelope), todo, late: Vec::new() }),
        };
        let key = self.place_in("out");
        self.store.put(&key, &out);
    }

    /// Somebody's device asks.
    pub(super) fn take_rejoin(&mut self, mail: &Mail) -> Outcome {
        let own = self.config.chain;
        let Ok(rejoin) = Rejoin::verify(&mail.frame) else { return Outcome::Done };
        let between = rejoin.from == mail.sender && (rejoin.from == own || rejoin.to == own);
        let fresh =
            rejoin.created_at.unix() <= self.now.wall.unix() + 300 && !self.is_past(rejoin.created_at, MAX_AGE_SECS);
        if !between || !fresh || rejoin.server != self.config.server || rejoin.device == self.config.device {
            return Outcome::Done;
        }
        let peer = if rejoin.from == own { rejoin.to } else { rejoin.from };
        let key = format!("answer/{}", rejoin.nonce);
        if !self.store.has(&key) {
            let answer = ToAnswer {
                peer,
                chain: rejoin.from,
                device: rejoin.device,
                created_at: rejoin.created_at,
                came: self.now.wall,
                done: false,
            };
            self.store.put(&key, &answer);
        }
        Outcome::Done
    }

    /// Takes in who asked, when it is this device's turn and nobody has done it.
    pub(super) fn work_answers(&mut self) {
        for key in self.store.keys("answer/") {
            let Some(answer) = self.store.get::<ToAnswer>(&key) else { continue };
            if self.is_past(answer.created_at, MAX_AGE_SECS) {
                self.store.delete(&key);
                continue;
            }
            if !answer.done && self.answer(key.trim_start_matches("answer/"), &answer) {
                // Kept until it is too old, so that a repetition is one.
                self.store.put(&key, &ToAnswer { done: true, ..answer });
            }
        }
    }

    /// True when there is nothing left to do.
    fn answer(&mut self, nonce: &str, answer: &ToAnswer) -> bool {
        let (own, peer) = (self.config.chain, answer.peer);
        let groups: Vec<_> =
            self.groups().into_iter().filter(|g| g.peer == peer && g.status == Status::Following).collect();
        if groups.is_empty() {
            return self.is_past(answer.came, HOUR);
        }
        let mut all = true;
        for mut group in groups {
            if group.answered.iter().any(|answered| answered == nonce) {
                continue;
            }
            // Its turn: by its place among the other leaves.
            let before =
                group.leaves.iter().filter(|(i, _, device)| *i < group.own && *device != answer.device).count();
            let turn = answer.came.after(TURN_SECS * before as u64);
            all = false;
            if self.now.wall < turn || group.pending.is_some() || self.has_mail(&group.cid) {
                continue;
            }
            let (Some(_), Some(_)) = (self.fresh_facts(&own), self.fresh_facts(&peer)) else { continue };
            let asker = self.facts(&answer.chain);
            if asker.is_none_or(|facts| !facts.is_good(&answer.device)) {
                return true;
            }
            if !self.is_only() || !self.is_emptied() || !self.is_level(&group) {
                continue;
            }
            let packages = self.packages_for(answer.chain, &[answer.device]);
            let Some(package) = packages.first() else { continue };
            let at = group.leaves.iter().find(|(_, _, device)| *device == answer.device).map(|(index, _, _)| *index);
            let Ok(bytes) = const_hex::decode_to_array(nonce) else { return true };
            let remove: Vec<u32> = at.into_iter().collect();
            if self.propose(&mut group, std::slice::from_ref(package), &remove, Some(bytes)) {
                self.work_commits();
            }
        }
        all
    }
}
