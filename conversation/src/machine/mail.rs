//! Mail: kept, acknowledged, opened in its order.

use std::collections::BTreeMap;

use kez_core::KeyId;

use super::records::{Bytes, Group, Mail, Status};
use super::{DAY, FRESH_MS, Machine};
use crate::context::Cid;
use crate::effect::{Effect, Notice};
use crate::frame::{self, Header, Kind};
use crate::mls::{NotOpened, Place};

/// Frames of conversations that are not known: so many, so long in seconds.
const SEALED: usize = 256;
const SEALED_SECS: u64 = 7 * DAY;
/// Strangers whose newest Welcome is kept.
const STRANGERS: usize = 64;
/// Frames of one sender that may fail to open in a second.
const FAILURES: u32 = 64;
/// Frames that do not open while the log is level, after which this device asks to be taken in again.
const LOST_AFTER: u32 = 2;
/// How long frames wait sealed for a Welcome before this device asks, in seconds.
pub(super) const SEALED_ASK_SECS: u64 = 60;

/// What is known of the mailbox: everything that was in it at a moment is here when a look that began then came back.
#[derive(Default)]
pub(super) struct Mailbox {
    /// The look that is under way.
    look: Option<u64>,
    /// Whether somebody waits for one that begins later.
    wanted: bool,
    /// The last look that came back, and when, by the steady clock.
    emptied: Option<(u64, u64)>,
}

/// What became of a frame.
pub(super) enum Outcome {
    /// It is dealt with.
    Done,
    /// It is of an epoch ahead.
    Ahead(Cid),
    /// Something has to be asked first.
    Waits,
}

impl Machine {
    pub(super) fn receive(&mut self, token: u64, sender: KeyId, frame: Vec<u8>) {
        let mail = Mail { sender, frame: Bytes::from(frame), at: self.now.wall, asked: false };
        let known = self.is_known(&sender);
        match frame::kind(&mail.frame) {
            Kind::Unknown => {}
            Kind::Welcome if !known => self.keep_of_stranger(mail),
            _ if !known => self.keep_for_now(&mail),
            _ => {
                let place = self.place_in("mail");
                self.store.put(&place, &mail);
            }
        }
        self.effects.push(Effect::Acknowledge(token));
    }

    /// Whether frames of this identity are looked at: of contacts, of the own one, and of whom a sibling let this device talk
    /// to.
    fn is_known(&self, sender: &KeyId) -> bool {
        *sender == self.config.chain
            || self.contact(sender).is_some()
            || (self.is_undecided(sender) && self.groups().iter().any(|group| group.peer == *sender))
    }

    /// A stranger's frame, who may turn out to be a contact: what the other devices said of that may be on its way.
    fn keep_for_now(&mut self, mail: &Mail) {
        let own = self.config.chain;
        let of_own = |key: &String| self.store.get::<Mail>(key).is_some_and(|mail| mail.sender == own);
        let waits = ["mail/", "sealed/"].iter().any(|list| self.store.keys(list).iter().any(of_own))
            || !self.store.keys("noted/").is_empty();
        if !(waits || self.lost(&own).is_some() || self.facts(&own).is_none()) {
            return;
        }
        let of_stranger = |key: &&String| self.store.get::<Mail>(key).is_some_and(|mail| !self.is_known(&mail.sender));
        if self.store.keys("sealed/").iter().filter(of_stranger).count() < STRANGERS {
            self.seal(mail);
        }
    }

    fn keep_of_stranger(&mut self, mail: Mail) {
        let key = format!("stranger/{}", mail.sender.hex());
        for old in self.store.keys("stranger/") {
            if self.store.get::<Mail>(&old).is_none_or(|mail| self.is_past(mail.at, SEALED_SECS)) {
                self.store.delete(&old);
            }
        }
        let first = !self.store.has(&key);
        if first && self.store.keys("stranger/").len() >= STRANGERS {
            return;
        }
        if first {
            self.tell(Notice::Asked { by: mail.sender });
        }
        self.store.put(&key, &mail);
    }

    /// Whether everything is here that the mailbox had when `number` was given out; if not, it is looked at.
    pub(super) fn is_emptied_since(&mut self, number: u64) -> bool {
        let emptied = self.live.mailbox.emptied.is_some_and(|(look, _)| look > number);
        self.live.mailbox.wanted |= !emptied;
        emptied
    }

    /// Whether the mailbox was emptied within the last minute; if not, it is looked at.
    pub(super) fn is_emptied(&mut self) -> bool {
        let now = self.now.steady;
        let emptied = self.live.mailbox.emptied.is_some_and(|(_, at)| now < at + FRESH_MS);
        self.live.mailbox.wanted |= !emptied;
        emptied
    }

    /// One look at a time: a later one begins when the one before it came back.
    pub(super) fn work_look(&mut self) {
        if self.live.connected && self.live.mailbox.look.is_none() && std::mem::take(&mut self.live.mailbox.wanted) {
            let look = self.number();
            self.live.mailbox.look = Some(look);
            self.effects.push(Effect::Look { look });
        }
    }

    pub(super) fn mailbox_was_empty(&mut self, look: u64) {
        if self.live.mailbox.look == Some(look) {
            self.live.mailbox.look = None;
            self.live.mailbox.emptied = Some((look, self.now.steady));
            self.let_go_of_past_keys();
        }
    }

    /// Opens what can be opened; the log is followed as far as the frame at hand needs, and not before everything of the
    /// epochs until there was opened.
    pub(super) fn work_mail(&mut self) {
        loop {
            let mut progress = false;
            let mut ahead: BTreeMap<Cid, Vec<String>> = BTreeMap::new();
            for key in self.store.keys("mail/") {
                let Some(mail) = self.store.get::<Mail>(&key) else {
                    self.store.delete(&key);
                    continue;
                };
                if self.fails_too_often(&mail.sender) {
                    continue;
                }
                match self.look_at(&key, &mail) {
                    Outcome::Done => {
                        self.store.delete(&key);
                        self.live.noticed.remove(&key);
                        self.live.examined.remove(&key);
                        self.live.refused_welcomes.remove(&key);
                        progress = true;
                    }
                    Outcome::Ahead(cid) => ahead.entry(cid).or_default().push(key),
                    Outcome::Waits => {}
                }
            }
            for (cid, keys) in ahead {
                progress |= self.catch_up(cid, keys);
            }
            if !progress {
                break;
            }
        }
        self.watch_sealed();
    }

    fn look_at(&mut self, key: &str, mail: &Mail) -> Outcome {
        match frame::kind(&mail.frame) {
            Kind::Private(header) => self.look_at_private(mail, &header),
            Kind::Welcome => self.try_welcome(key, mail),
            Kind::Envelope => self.take_rejoin(mail),
            Kind::Unknown => Outcome::Done,
        }
    }

    fn look_at_private(&mut self, mail: &Mail, header: &Header) -> Outcome {
        let Some(mut group) = self.group(&header.cid) else {
            self.seal(mail);
            return Outcome::Done;
        };
        let member = mail.sender == group.peer || mail.sender == self.config.chain;
        // Commits come by the log alone.
        if !member || header.content_type != 1 {
            return Outcome::Done;
        }
        if header.epoch > group.epoch {
            return match group.status {
                Status::Following => Outcome::Ahead(header.cid),
                // It may be of the life that a Welcome on its way begins.
                Status::Removed => {
                    self.seal(mail);
                    Outcome::Done
                }
                _ => Outcome::Done,
            };
        }
        let life = group.lives.iter().rev().find(|(_, from)| *from <= header.epoch).or(group.lives.first());
        let place = Place { cid: group.cid, life: life.map_or(0, |(life, _)| *life) };
        let mark = self.store.mark();
        match self.mls(|mls| mls.open(place, &mail.frame)) {
            Some(Ok(opened)) if opened.sender.chain == mail.sender => {
                self.live.failing.remove(&group.cid);
                self.heard(&group, &opened.sender, &opened.plaintext);
            }
            Some(Err(NotOpened::KeyGone)) => self.store.back_to(mark),
            _ => {
                self.store.back_to(mark);
                self.failed(&mut group, &mail.sender);
            }
        }
        Outcome::Done
    }

    /// Follows the log by one commit for frames that are ahead; true if anything changed.
    fn catch_up(&mut self, cid: Cid, keys: Vec<String>) -> bool {
        let Some(mut group) = self.group(&cid) else { return false };
        if self.follow_one(&mut group) {
            return true;
        }
        let number = self.number();
        let mut changed = false;
        for key in keys {
            let noticed = *self.live.noticed.entry(key.clone()).or_insert(number);
            // The log was asked for after the frame came, and does not know its epoch: nobody encrypted in it.
            let refuted = self
                .live
                .logs
                .get(&cid)
                .is_some_and(|part| part.known && part.request > noticed && part.log.epoch == group.epoch);
            if refuted {
                if let Some(mail) = self.store.get::<Mail>(&key) {
                    self.failed(&mut group, &mail.sender);
                }
                self.store.delete(&key);
                changed = true;
            }
        }
        self.ask_log(&cid, group.epoch);
        changed
    }

    /// A frame did not open: a damaged copy, a forgery, or this device has lost its place.
    fn failed(&mut self, group: &mut Group, sender: &KeyId) {
        let second = self.now.steady / 1_000;
        let failures = self.live.failures.entry(*sender).or_insert((second, 0));
        *failures = if failures.0 == second { (second, failures.1 + 1) } else { (second, 1) };
        let failing = self.live.failing.entry(group.cid).or_default();
        *failing += 1;
        let often = *failing >= LOST_AFTER;
        let level = self.live.logs.get(&group.cid).is_some_and(|part| part.known && part.log.epoch == group.epoch);
        if often && level && group.status == Status::Following {
            self.live.failing.remove(&group.cid);
            self.lose(group.peer);
        }
    }

    fn fails_too_often(&self, sender: &KeyId) -> bool {
        let second = self.now.steady / 1_000;
        self.live.failures.get(sender).is_some_and(|(at, count)| *at == second && *count >= FAILURES)
    }

    /// A frame of a conversation that is not known here: a text may overtake its Welcome.
    fn seal(&mut self, mail: &Mail) {
        for key in self.store.keys("sealed/") {
            if self.store.get::<Mail>(&key).is_none_or(|mail| self.is_past(mail.at, SEALED_SECS)) {
                self.store.delete(&key);
            }
        }
        if self.store.keys("sealed/").len() < SEALED && !self.is_past(mail.at, SEALED_SECS) {
            let place = self.place_in("sealed");
            self.store.put(&place, mail);
        }
    }

    fn watch_sealed(&mut self) {
        for key in self.store.keys("sealed/") {
            let Some(mut mail) = self.store.get::<Mail>(&key) else { continue };
            if self.is_past(mail.at, SEALED_ASK_SECS) && !mail.asked && self.is_known(&mail.sender) {
                mail.asked = true;
                self.store.put(&key, &mail);
                let peers = if mail.sender == self.config.chain { self.peers() } else { vec![mail.sender] };
                for peer in peers {
                    self.lose(peer);
                }
            }
        }
    }

    pub(super) fn has_mail(&self, cid: &Cid) -> bool {
        self.store.keys("mail/").iter().any(|key| {
            self.store
                .get::<Mail>(key)
                .is_some_and(|mail| matches!(frame::kind(&mail.frame), Kind::Private(header) if header.cid == *cid))
        })
    }
}
