//! Devices whose every step is done at once, and which a story may take off the network.

use std::collections::VecDeque;

use kez_conversation::{Body, Config, Effect, Event, Line, Machine, Notice, Now, Request, Snapshot, Stands, Step};
use kez_core::{KeyId, SigningKey, Timestamp, chat_leaf};

use super::rng::Rng;
use super::server::Server;

const BEGAN: i64 = 1_800_000_000;

/// A device, by its place in the world.
pub(crate) type At = usize;

pub(crate) struct Device {
    pub(crate) key: SigningKey,
    pub(crate) chain: KeyId,
    pub(crate) disk: Snapshot,
    machine: Option<Machine>,
    /// Whether it gets no mail for now.
    pub(crate) deaf: bool,
    /// Whether what it publishes goes nowhere.
    pub(crate) mute: bool,
    /// Whether answers to its commits are on their way for now.
    pub(crate) waits: bool,
    late: Vec<Event>,
    pulled: u64,
    pub(crate) notices: Vec<Notice>,
}

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) devices: Vec<Device>,
    happened: VecDeque<(At, Event)>,
    rng: Rng,
    seconds: i64,
}

impl World {
    pub(crate) fn new() -> World {
        let (server, devices, happened) = Default::default();
        World { server, devices, happened, rng: Rng::new(1), seconds: 0 }
    }

    /// An identity with one device.
    pub(crate) fn identity(&mut self, seed: u8) -> At {
        let chain = SigningKey::from_seed(&[seed; 32]).id();
        self.server.chains.insert(chain, kez_conversation::Facts::without_chain(chain, true));
        self.open(seed, chain, Snapshot::new())
    }

    /// Another device of an identity.
    pub(crate) fn sibling(&mut self, of: At, seed: u8) -> At {
        let (chain, device) = (self.devices[of].chain, SigningKey::from_seed(&[seed; 32]).id());
        self.server.add(chain, device);
        self.open(seed, chain, Snapshot::new())
    }

    fn open(&mut self, seed: u8, chain: KeyId, disk: Snapshot) -> At {
        let (key, at) = (SigningKey::from_seed(&[seed; 32]), self.devices.len());
        let (late, notices) = Default::default();
        self.devices.push(Device {
            key,
            chain,
            disk,
            machine: None,
            deaf: false,
            mute: false,
            waits: false,
            late,
            pulled: 0,
            notices,
        });
        self.restart(at);
        at
    }

    /// The device's program begins, with what is on its disk.
    pub(crate) fn restart(&mut self, at: At) {
        let now = self.now();
        let device = &mut self.devices[at];
        let config = Config::new("kez.example".parse().expect("a name"), device.chain, device.key.id());
        let Ok((machine, step)) = Machine::open(config, device.disk.clone(), now, &mut self.rng);
        (device.machine, device.pulled) = (Some(machine), 0);
        self.perform(at, step);
        self.tell(at, Event::Connected);
    }

    fn now(&self) -> Now {
        let steady = u64::try_from(self.seconds).expect("time goes on") * 1_000;
        Now { wall: Timestamp::from_unix(BEGAN + self.seconds), steady }
    }

    /// Something happens to a device, and everything that comes of it.
    pub(crate) fn tell(&mut self, at: At, event: Event) {
        self.happened.push_back((at, event));
        loop {
            while let Some((at, event)) = self.happened.pop_front() {
                let now = self.now();
                let machine = self.devices[at].machine.as_mut().expect("it runs");
                let Ok(step) = machine.handle(event, now, &mut self.rng);
                self.perform(at, step);
            }
            if !self.deliver() {
                break;
            }
        }
    }

    /// Hands one frame to whoever has mail.
    fn deliver(&mut self) -> bool {
        for at in 0..self.devices.len() {
            if !self.devices[at].deaf && self.pull(at) {
                return true;
            }
        }
        false
    }

    fn pull(&mut self, at: At) -> bool {
        let device = &mut self.devices[at];
        let next = self.server.pull(device.key.id(), device.pulled, BEGAN + self.seconds);
        let Some((token, sender, frame)) = next else { return false };
        device.pulled = token;
        self.happened.push_back((at, Event::Frame { token, sender, frame }));
        true
    }

    fn perform(&mut self, at: At, step: Step) {
        step.writes.apply(&mut self.devices[at].disk);
        for effect in step.effects {
            self.effect(at, effect);
        }
    }

    fn effect(&mut self, at: At, effect: Effect) {
        let now = BEGAN + self.seconds;
        let device = &mut self.devices[at];
        let (chain, key) = (device.chain, device.key.id());
        let back = match effect {
            Effect::Publish { .. } if device.mute => return,
            Effect::Publish { publish, device, message_id, frame } => {
                Event::Published { publish, kept: self.server.publish(chain, device, message_id, frame, now) }
            }
            Effect::Ask { request, what } => {
                let answer = Event::Answered { request, answer: self.server.answer(chain, key, &what, now) };
                if device.waits && matches!(what, Request::Commit { .. }) {
                    device.late.push(answer);
                    return;
                }
                answer
            }
            Effect::Look { look } => {
                while !self.devices[at].deaf && self.pull(at) {}
                Event::MailboxEmpty { look }
            }
            Effect::Vouch { chat_key } => {
                Event::Vouched { chat_key, signature: chat_leaf::sign(&device.key, &chain, &chat_key) }
            }
            Effect::SignRejoin(rejoin) => Event::SignedRejoin { to: rejoin.to, envelope: rejoin.sign(&device.key) },
            Effect::Acknowledge(token) => return self.server.acknowledge(key, token),
            Effect::Tell(notice) => return device.notices.push(notice),
            Effect::WakeAt(_) => return,
        };
        self.happened.push_back((at, back));
    }

    /// The oldest answer that was on its way arrives.
    pub(crate) fn answer_late(&mut self, at: At) {
        let answer = self.devices[at].late.remove(0);
        self.tell(at, answer);
    }

    /// So many answers are on their way.
    pub(crate) fn late(&self, at: At) -> usize {
        self.devices[at].late.len()
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.seconds += 1;
            (0..self.devices.len()).for_each(|at| self.tell(at, Event::Tick));
        }
    }

    /// Time in which nothing happens.
    pub(crate) fn skip(&mut self, seconds: i64) {
        self.seconds += seconds;
        self.pass(1);
    }

    pub(crate) fn stand(&mut self, at: At, with: At, stands: Stands) {
        let chain = self.devices[with].chain;
        self.tell(at, Event::Contact { chain, stands });
    }

    /// `a` asked, and `b` accepts.
    pub(crate) fn acquaint(&mut self, a: At, b: At) {
        self.stand(a, b, Stands::Asked);
        self.stand(b, a, Stands::Contact { accepted_here: true });
        self.pass(5);
    }

    pub(crate) fn say(&mut self, at: At, with: At, text: &str) {
        let with = self.devices[with].chain;
        self.tell(at, Event::Say { with, body: Body::Text { text: text.to_owned(), re: None } });
    }

    /// The texts on a device's disk.
    pub(crate) fn texts(&self, at: At) -> Vec<String> {
        let lines = self.devices[at].disk.iter().filter(|(key, _)| key.starts_with("thread/"));
        lines
            .filter_map(|(_, value)| match Line::read(value)?.content.body {
                Body::Text { text, .. } => Some(text),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn machine(&self, at: At) -> &Machine {
        self.devices[at].machine.as_ref().expect("it runs")
    }

    pub(crate) fn was_told(&self, at: At, is_it: impl Fn(&Notice) -> bool) -> usize {
        self.devices[at].notices.iter().filter(|notice| is_it(notice)).count()
    }
}
