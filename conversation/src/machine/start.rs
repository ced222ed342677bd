//! Starting conversations: a group with all devices in its first commit, and its log at the server.

use kez_core::{KeyId, Timestamp};

use super::records::{Bytes, Group, Out, Sent, Start, Status, What};
use super::{DAY, HOUR, Machine};
use crate::context::{Cid, Context};
use crate::effect::{Notice, Request, Wait};
use crate::event::{Answer, Refused, Stands};
use crate::mls::{Place, epoch_key, gate_hash};

/// Conversations with one identity that are begun because one stopped: at most so many an hour and a day.
const ANEW: [(u64, usize); 2] = [(HOUR, 4), (DAY, 8)];

impl Machine {
    /// Begins what has to be begun, and says what was begun until the server has it.
    pub(super) fn work_starts(&mut self) {
        for peer in self.peers() {
            if self.may_begin(&peer) {
                self.begin(peer);
            }
        }
        for group in self.groups() {
            if let Some(start) = group.start.as_ref().filter(|_| group.status == Status::Starting) {
                let what = Request::Start { conversation: group.cid, gate: start.gate, created_at: start.created_at };
                self.ask(format!("start/{}", group.cid), what);
            }
        }
    }

    /// Whether it is for this device to begin a conversation now.
    fn may_begin(&mut self, peer: &KeyId) -> bool {
        let groups: Vec<Group> = self.groups().into_iter().filter(|group| group.peer == *peer).collect();
        if self.store.has(&format!("anew/{}", peer.hex())) && !groups.iter().any(|g| g.status == Status::Starting) {
            return self.may_begin_anew(peer);
        }
        if groups.iter().any(|group| matches!(group.status, Status::Following | Status::Starting)) {
            return false;
        }
        let stopped = groups.iter().any(|group| group.status == Status::Stopped);
        let to_say = self.outs().iter().any(|(_, out)| out.peer == *peer && matches!(out.what, What::Content { .. }));
        if stopped {
            return to_say && self.may_begin_anew(peer);
        }
        let asked_long_ago =
            self.lost(peer).and_then(|lost| lost.first_asked).is_some_and(|first| self.is_past(first, HOUR));
        let lost_state = self.lost(peer).is_some_and(|lost| lost.state);
        (self.is_beginner(peer) && !lost_state) || asked_long_ago
    }

    /// Whether this device begins and the others ask: the one that accepted, and the primary in the own conversation.
    pub(super) fn is_beginner(&mut self, peer: &KeyId) -> bool {
        if *peer == self.config.chain {
            return self.known_facts(peer).and_then(|facts| facts.active.first().copied()) == Some(self.config.device);
        }
        self.contact(peer).is_some_and(|c| matches!(c.stands, Stands::Contact { accepted_here: true }))
    }

    fn may_begin_anew(&self, peer: &KeyId) -> bool {
        let begun: Vec<Timestamp> = self.store.get(&format!("begun/{}", peer.hex())).unwrap_or_default();
        ANEW.iter().all(|(secs, most)| begun.iter().filter(|at| self.since(**at) < *secs).count() < *most)
    }

    fn begin(&mut self, peer: KeyId) {
        let own = self.config.chain;
        let (Some(own_facts), Some(peer_facts)) = (self.fresh_facts(&own), self.fresh_facts(&peer)) else { return };
        if !self.is_only() {
            return;
        }
        let siblings: Vec<KeyId> = own_facts.good().filter(|device| *device != self.config.device).collect();
        let mut packages = self.packages_for(own, &siblings);
        if peer == own {
            if packages.is_empty() {
                return;
            }
        } else {
            let theirs: Vec<KeyId> = peer_facts.good().collect();
            let theirs = self.packages_for(peer, &theirs);
            // Without a device of theirs there is nobody to talk to. Siblings' packages are on their way as well.
            if theirs.is_empty() {
                self.live.waiting.insert(peer, Wait::NoPackages);
                return;
            }
            packages.extend(theirs);
        }
        if ["claim/".to_owned() + &own.hex(), "claim/".to_owned() + &peer.hex()].iter().any(|name| self.is_asking(name))
        {
            return;
        }
        let r#gen = 1 + self.groups().iter().filter(|g| g.peer == peer).map(|g| g.r#gen).max().unwrap_or(0);
        let r#gen = r#gen.max(1 + self.store.get::<u64>(&format!("gen/{}", peer.hex())).unwrap_or(0));
        let context = Context::between(own, peer, self.config.server.clone(), r#gen);
        let place = Place { cid: Cid(self.stream.array()), life: 0 };
        let mark = self.store.mark();
        let adds: Vec<Vec<u8>> = packages.iter().map(|(_, _, package)| package.clone()).collect();
        let made = self.mls(|mls| {
            mls.create(place, &context)?;
            let draft = mls.commit(place, &adds, &[], None)?;
            let view = mls.merge(place, &draft.secrets)?;
            Ok::<_, crate::mls::Refused>((draft, view))
        });
        let Some(Ok((draft, view))) = made else {
            self.store.back_to(mark);
            return self.hold(&format!("claim/{}", peer.hex()), HOUR * 1_000);
        };
        // Nobody else was in the epoch before.
        self.store.delete(&epoch_key(&place.prefix(), 0));
        for (_, key, _) in &packages {
            self.use_package(key);
        }
        let devices: Vec<KeyId> = packages.iter().map(|(device, _, _)| *device).collect();
        let known = devices.iter().filter(|device| self.was_member(&peer, device)).copied().collect();
        let mut group = self.new_group(place, peer, &view);
        group.status = Status::Starting;
        group.start = Some(Start {
            gate: gate_hash(&view.gate),
            created_at: self.now.wall,
            welcome: Bytes::from(draft.welcome.unwrap_or_default()),
            devices,
            known,
        });
        self.put_group(&group);
        self.store.delete(&format!("anew/{}", peer.hex()));
        let key = format!("begun/{}", peer.hex());
        let mut begun: Vec<Timestamp> = self.store.get(&key).unwrap_or_default();
        begun.retain(|at| self.since(*at) < DAY);
        begun.push(self.now.wall);
        self.store.put(&key, &begun);
    }

    pub(super) fn new_group(&self, place: Place, peer: KeyId, view: &crate::mls::View) -> Group {
        self.store.put(&format!("gen/{}", peer.hex()), &view.context.r#gen);
        let mut group = Group {
            cid: place.cid,
            peer,
            r#gen: view.context.r#gen,
            lives: vec![(place.life, view.epoch)],
            epoch: view.epoch,
            started_at: 0,
            status: Status::Following,
            start: None,
            pending: None,
            own_commit_at: self.now.wall,
            own_frames: 0,
            added: false,
            ended: Vec::new(),
            answered: Vec::new(),
            unsure: Vec::new(),
            hurry: false,
            own: view.own,
            leaves: Vec::new(),
        };
        self.remember_leaves(&mut group, view);
        group
    }

    pub(super) fn start_answered(&mut self, cid: Cid, answer: &Answer) {
        let Some(mut group) = self.group(&cid) else { return };
        let Some(start) = group.start.clone() else { return };
        match answer {
            Answer::Started => {
                group.start = None;
                group.status = Status::Following;
                self.put_group(&group);
                self.live.waiting.remove(&group.peer);
                self.send_welcome(&group, start.welcome, &start.devices);
                self.tell_all(&group, &start.devices);
                self.store.delete(&format!("lost/{}", group.peer.hex()));
                for device in start.devices.iter().filter(|device| start.known.contains(device)) {
                    self.say_again(&group, *device);
                }
            }
            // A new time makes it another envelope, for the same gate: the server says 200 if it took the first one.
            Answer::Refused(Refused::Stale) => {
                group.start = Some(Start { created_at: self.now.wall, ..start });
                self.put_group(&group);
                self.back_off(&format!("start/{cid}"));
            }
            // Somebody else's id, or nobody's: nobody was told of it, so it never was.
            Answer::Refused(Refused::Conflict { .. } | Refused::NotFound | Refused::NotAMember) => {
                self.forget_group(&group);
                self.back_off(&format!("start/{cid}"));
            }
            _ => self.back_off(&format!("start/{cid}")),
        }
    }

    pub(super) fn forget_group(&self, group: &Group) {
        self.store.delete(&format!("group/{}", group.cid));
        self.store.delete_all(&format!("mls/{}/", group.cid));
    }

    /// A Welcome is sent to each device that it is for, as it is.
    pub(super) fn send_welcome(&mut self, group: &Group, welcome: Bytes, devices: &[KeyId]) {
        let todo = devices.iter().map(|device| (*device, self.random_id())).collect();
        let out = Out {
            peer: group.peer,
            at: self.now.wall,
            what: What::Frame { cid: Some(group.cid) },
            only: None,
            sent: Some(Sent { cid: Some(group.cid), epoch: group.epoch, frame: welcome, todo, late: Vec::new() }),
        };
        let key = self.place_in("out");
        self.store.put(&key, &out);
    }

    /// Nobody can go on with this group: who sends next begins another one.
    pub(super) fn stop(&mut self, group: &mut Group) {
        if group.status != Status::Stopped {
            group.status = Status::Stopped;
            group.pending = None;
            self.encrypt_anew(group);
            self.put_group(group);
            self.tell(Notice::Stopped { with: group.peer, conversation: group.cid });
        }
    }

    fn is_asking(&self, name: &str) -> bool {
        self.live.asked.get(name).is_some_and(|asked| asked.under_way)
    }
}
