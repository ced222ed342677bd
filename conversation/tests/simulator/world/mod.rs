//! A small world of devices, a home server and a broker, with every fault that happens to them; and what has to be true of
//! it in the end. A seed is a history: the same seed does the same, on every machine.

mod checks;
mod device;
mod history;
mod rng;
mod server;
mod story;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kez_conversation::{Config, Effect, Event, Fault, Keys, Machine, Notice, Now, Snapshot, Stands, Step};
use kez_core::{Hash, KeyId, SigningKey, Timestamp};

pub(crate) use checks::Broken;
use device::{Device, Incoming};
pub(crate) use history::{read, run};
use rng::Rng;
use server::Server;

/// Faults of a driver, which does not do what a step says in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// None: the machine as it is.
    Nothing,
    /// A frame is acknowledged before it is written.
    AckBeforeWrite,
    /// A state is written after what was made of it left.
    SavedAfterPublishing,
    /// A fault in the machine.
    Machine(Fault),
}

/// When every history begins, in seconds since 1970.
const BEGIN: i64 = 1_800_000_000;

/// More than any history needs.
const MOST_PUBLISHES: usize = 10_000;

pub(crate) struct World {
    rng: Rng,
    planted: Planted,
    server: Server,
    devices: Vec<Device>,
    /// Milliseconds since the beginning.
    clock: u64,
    /// Whether anything goes wrong.
    chaos: bool,
    texts: Vec<Text>,
    /// Which key sealed which message, and which messages left.
    keys: Keys,
    left: BTreeMap<Vec<u8>, Hash>,
    used: BTreeMap<Vec<u8>, Hash>,
    broken: Option<Broken>,
    publishes: usize,
    /// What happened, if anybody wants to read it.
    pub(crate) story: Option<Vec<String>>,
}

/// Something that a person said, by a device, and who has to have it.
pub(crate) struct Text {
    pub(crate) said: String,
    pub(crate) author: usize,
    pub(crate) at: i64,
    /// Devices that were in a conversation of the pair when it was said.
    pub(crate) needed: Vec<usize>,
    /// The author's state was lost while it may not have left.
    pub(crate) at_risk: bool,
    pub(crate) given_up: bool,
}

impl World {
    fn new(seed: u64, planted: Planted) -> Self {
        let mut rng = Rng::new(seed);
        let mut server = Server::default();
        let mut devices = Vec::new();
        let keys: Keys = Arc::new(Mutex::new(BTreeMap::new()));
        let identities = 2 + rng.below(3).min(1 + rng.below(2));
        for identity in 0..identities {
            let mut chain = None;
            for n in 0..1 + rng.below(3) {
                let mut key = [0; 32];
                (key[0], key[1], key[2]) = (identity as u8 + 1, n as u8 + 1, 1);
                let key = SigningKey::from_seed(&key);
                let id = key.id();
                match chain {
                    None => {
                        chain = Some(id);
                        server.chains.insert(id, kez_conversation::Facts::without_chain(id, true));
                    }
                    Some(chain) => server.add(chain, id),
                }
                devices.push(Device::new(key, chain.unwrap_or(id)));
            }
        }
        World {
            rng,
            planted,
            server,
            devices,
            clock: 0,
            chaos: true,
            texts: Vec::new(),
            keys,
            left: BTreeMap::new(),
            used: BTreeMap::new(),
            broken: None,
            publishes: 0,
            story: None,
        }
    }

    fn wall(&self) -> i64 {
        BEGIN + i64::try_from(self.clock / 1_000).expect("a history is short")
    }

    fn note(&mut self, at: usize, what: impl FnOnce() -> String) {
        let clock = self.clock as f64 / 1_000.0;
        if let Some(story) = &mut self.story {
            story.push(format!("{clock:>12.3} {at}: {}", what()));
        }
    }

    fn now(&self) -> Now {
        Now { wall: Timestamp::from_unix(self.wall()), steady: self.clock }
    }

    /// Once in `n` times, while things go wrong.
    fn mishap(&mut self, n: usize) -> bool {
        self.chaos && self.rng.once_in(n)
    }

    /// Opens a device's machine and connects it.
    fn connect(&mut self, at: usize) {
        if self.devices[at].revoked {
            return;
        }
        if self.devices[at].machine.is_none() {
            let device = &self.devices[at];
            let server = "kez.example".parse().expect("a name");
            let config = Config::new(server, device.chain, device.id).with_keys(Arc::clone(&self.keys));
            let config = match self.planted {
                Planted::Machine(fault) => config.with_fault(fault),
                _ => config,
            };
            let opened = Machine::open(config, device.disk.clone(), self.now(), &mut self.rng);
            let (machine, step) = opened.unwrap_or_else(|never| match never {});
            self.devices[at].machine = Some(machine);
            self.devices[at].wake = None;
            self.perform(at, step);
        }
        if self.devices[at].machine.is_some() && !self.devices[at].connected {
            let clock = self.clock;
            let device = &mut self.devices[at];
            device.connected = true;
            device.begin_pulling(clock);
            self.happen(at, Event::Connected);
            for (chain, stands) in self.devices[at].contacts.clone() {
                if self.devices[at].knows_contact(&chain) {
                    continue;
                }
                self.happen(at, Event::Contact { chain, stands });
            }
        }
    }

    fn disconnect(&mut self, at: usize) {
        if self.devices[at].connected {
            self.devices[at].connected = false;
            self.devices[at].inbox.clear();
            self.happen(at, Event::Disconnected);
        }
    }

    /// The program ends at once: what is not on disk is gone.
    fn crash(&mut self, at: usize) {
        self.note(at, || "ends".to_owned());
        let device = &mut self.devices[at];
        device.machine = None;
        device.connected = false;
        device.inbox.clear();
    }

    fn happen(&mut self, at: usize, event: Event) {
        let now = self.now();
        if self.devices[at].machine.is_some() {
            self.note(at, || story::event(&event));
        }
        let Some(machine) = self.devices[at].machine.as_mut() else { return };
        let step = machine.handle(event, now, &mut self.rng).unwrap_or_else(|never| match never {});
        self.perform(at, step);
    }

    /// Does a step, and crashes where a program can crash.
    fn perform(&mut self, at: usize, step: Step) {
        let Step { writes, effects } = step;
        let first = |effect: &Effect| match self.planted {
            Planted::AckBeforeWrite => matches!(effect, Effect::Acknowledge(_)),
            Planted::SavedAfterPublishing => !matches!(effect, Effect::Acknowledge(_)),
            _ => false,
        };
        let (early, late): (Vec<Effect>, Vec<Effect>) = effects.into_iter().partition(first);
        if !self.effects(at, early) || self.mishap(400) {
            return self.crash(at);
        }
        if self.story.is_some() {
            for line in story::writes(&writes) {
                self.note(at, || line);
            }
        }
        writes.apply(&mut self.devices[at].disk);
        self.devices[at].remember_joined(&writes);
        if !self.effects(at, late) {
            self.crash(at);
        }
    }

    /// False when the program ended in between.
    fn effects(&mut self, at: usize, effects: Vec<Effect>) -> bool {
        for effect in effects {
            if self.mishap(600) {
                return false;
            }
            self.note(at, || story::effect(&effect));
            self.effect(at, effect);
        }
        true
    }

    fn effect(&mut self, at: usize, effect: Effect) {
        let (chain, id, wall) = (self.devices[at].chain, self.devices[at].id, self.wall());
        match effect {
            Effect::Acknowledge(token) => self.server.acknowledge(id, token),
            Effect::Publish { publish, device, message_id, frame } => {
                self.publishes += 1;
                if self.publishes > MOST_PUBLISHES {
                    self.broken.get_or_insert(Broken::NeverQuiet(self.publishes));
                }
                self.leaves(&frame);
                self.uses_packages(&frame);
                let arrives = !self.mishap(30) && self.devices[at].connected;
                if arrives && self.mishap(60) {
                    let mut damaged = frame.clone();
                    let place = self.rng.below(damaged.len());
                    damaged[place] ^= 1;
                    let id = [self.rng.next() as u8; 16];
                    self.deliver(chain, device, id, damaged);
                }
                let kept = arrives && self.deliver(chain, device, message_id, frame);
                let heard = !self.mishap(30);
                self.later(at, Event::Published { publish, kept: kept && heard });
            }
            Effect::Ask { request, what } => {
                if let kez_conversation::Request::Commit { commit, .. } = &what {
                    self.leaves(commit);
                }
                let arrives = !self.mishap(25) && self.devices[at].connected;
                let answer =
                    if arrives { self.server.answer(chain, id, &what, wall) } else { kez_conversation::Answer::None };
                let answer = if self.mishap(25) { kez_conversation::Answer::None } else { answer };
                self.later(at, Event::Answered { request, answer });
            }
            Effect::Look { look } => {
                let soon = self.clock + 1 + self.rng.next() % 300;
                self.devices[at].look = Some(look);
                self.devices[at].pull_at.get_or_insert(soon);
            }
            Effect::Vouch { chat_key } => {
                let signature = kez_core::chat_leaf::sign(&self.devices[at].key, &chain, &chat_key);
                self.later(at, Event::Vouched { chat_key, signature });
            }
            Effect::SignRejoin(rejoin) => {
                let envelope = rejoin.sign(&self.devices[at].key);
                self.later(at, Event::SignedRejoin { to: rejoin.to, envelope });
            }
            Effect::WakeAt(when) => self.devices[at].wake = Some(when.max(self.clock + 1)),
            Effect::Tell(notice) => self.told(at, &notice),
        }
    }

    /// A message leaves a device: its key never sealed another one that left.
    fn leaves(&mut self, frame: &[u8]) {
        let Some(tag) = frame.last_chunk::<16>() else { return };
        let key = self.keys.lock().expect("one thread").get(tag).cloned();
        if let Some(key) = key {
            let hash = Hash::of(frame);
            if *self.left.entry(key).or_insert(hash) != hash {
                self.broken.get_or_insert(Broken::KeyUsedTwice);
            }
        }
    }

    /// A Welcome leaves a device: its packages are in no other one.
    fn uses_packages(&mut self, frame: &[u8]) {
        let Ok(message) = mls_rs::MlsMessage::from_bytes(frame) else { return };
        let hash = Hash::of(frame);
        for package in message.welcome_key_package_references() {
            if self.server.last_references.contains(&package.to_vec()) {
                continue;
            }
            if *self.used.entry(package.to_vec()).or_insert(hash) != hash {
                self.broken.get_or_insert(Broken::PackageUsedTwice);
            }
        }
    }

    fn deliver(&mut self, sender: KeyId, device: KeyId, id: [u8; 16], frame: Vec<u8>) -> bool {
        let kept = self.server.publish(sender, device, id, frame, self.wall());
        let soon = self.clock + 5 + self.rng.next() % 300;
        if let Some(to) = self.devices.iter_mut().find(|to| to.id == device) {
            to.pull_at = Some(to.pull_at.map_or(soon, |at| at.min(soon)));
        }
        kept
    }

    fn later(&mut self, at: usize, event: Event) {
        let delay = if self.mishap(20) { self.rng.next() % 20_000 } else { 1 + self.rng.next() % 200 };
        let due = self.clock + delay;
        let turn = self.rng.next();
        self.devices[at].inbox.insert((due, turn), Incoming(event));
    }

    fn told(&mut self, at: usize, notice: &Notice) {
        if let Notice::Stopped { .. } = notice {
            self.broken.get_or_insert(Broken::Stopped);
        }
        if matches!(notice, Notice::Copied { .. }) && !self.devices[at].restored {
            self.broken.get_or_insert(Broken::Copied(at));
        }
        if let Notice::GivenUp { .. } = notice {
            // The person is told; which of the texts it was is in the thread.
            let device = self.devices[at].id;
            for text in self.texts.iter_mut().filter(|text| self.devices[text.author].id == device) {
                text.given_up = true;
            }
        }
    }

    /// Lets time pass, and everything happen that is due until then.
    fn pass(&mut self, milliseconds: u64) {
        let end = self.clock + milliseconds;
        while self.broken.is_none() {
            let due = (0..self.devices.len()).filter_map(|at| Some((self.devices[at].next_due()?, at))).min();
            let Some((due, at)) = due.filter(|(due, _)| *due <= end) else { break };
            self.clock = self.clock.max(due);
            match self.devices[at].take_due(self.clock) {
                device::Due::Event(event) => self.happen(at, event),
                device::Due::Wake => self.happen(at, Event::Tick),
                device::Due::Pull => self.pull(at),
            }
        }
        self.clock = end;
    }

    fn pull(&mut self, at: usize) {
        let (id, after, wall) = (self.devices[at].id, self.devices[at].pulled, self.wall());
        match self.server.pull(id, after, wall) {
            Some((token, sender, frame)) => {
                let soon = self.clock + 1;
                self.devices[at].pulled = token;
                self.devices[at].pull_at = Some(soon);
                self.happen(at, Event::Frame { token, sender, frame });
            }
            None => {
                self.devices[at].pull_at = None;
                if let Some(look) = self.devices[at].look.take() {
                    self.happen(at, Event::MailboxEmpty { look });
                }
            }
        }
    }

    fn become_contacts(&mut self, a: KeyId, b: KeyId) {
        let of_b: Vec<usize> = (0..self.devices.len()).filter(|at| self.devices[*at].chain == b).collect();
        let accepts = of_b[self.rng.below(of_b.len())];
        for at in 0..self.devices.len() {
            let other = match self.devices[at].chain {
                chain if chain == a => b,
                chain if chain == b => a,
                _ => continue,
            };
            let stands = Stands::Contact { accepted_here: at == accepts };
            self.devices[at].contacts.insert(other, stands);
            self.happen(at, Event::Contact { chain: other, stands });
        }
    }

    fn snapshot(&self, at: usize) -> Snapshot {
        self.devices[at].disk.clone()
    }
}
