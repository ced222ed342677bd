//! The machine: a device's conversations as a pure function of what happens.

use std::collections::BTreeSet;
use std::sync::Arc;

use kez_core::{KeyId, ServerName, Timestamp};
use rand_core::TryCryptoRng;

use crate::content::Id;
use crate::crypto::Stream;
use crate::effect::{Effect, Notice, Step};
use crate::event::Event;
use crate::mls::Me;
use crate::store::{Snapshot, Store};

mod ask;
mod chains;
mod commit;
mod contacts;
mod follow;
mod groups;
mod instance;
mod join;
mod key;
mod live;
mod mail;
mod packages;
mod records;
mod rejoin;
mod said;
mod send;
mod start;
mod status;
mod sync;
mod thread;
mod wake;

use live::{Asked, Live, LogPart};
pub(crate) use records::Bytes;
pub use status::{ConversationState, ConversationStatus, MachineStatus};
pub use thread::Line;

/// Which device this is.
#[derive(Clone, Debug)]
pub struct Config {
    server: ServerName,
    chain: KeyId,
    device: KeyId,
    #[cfg(feature = "planted")]
    fault: Option<crate::Fault>,
    #[cfg(feature = "planted")]
    keys: Option<crate::Keys>,
}

impl Config {
    /// The device with this key, of the identity with this chain key, at its home server.
    #[must_use]
    pub const fn new(server: ServerName, chain: KeyId, device: KeyId) -> Self {
        Config {
            server,
            chain,
            device,
            #[cfg(feature = "planted")]
            fault: None,
            #[cfg(feature = "planted")]
            keys: None,
        }
    }

    /// With a fault that the simulator has to find.
    #[cfg(feature = "planted")]
    #[must_use]
    pub fn with_fault(self, fault: crate::Fault) -> Self {
        Config { fault: Some(fault), ..self }
    }

    /// Writing down which key sealed which message.
    #[cfg(feature = "planted")]
    #[must_use]
    pub fn with_keys(self, keys: crate::Keys) -> Self {
        Config { keys: Some(keys), ..self }
    }
}

/// The time of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// What the clock on the wall shows.
    pub wall: Timestamp,
    /// Milliseconds of a clock that is never set back, since any moment of this run.
    pub steady: u64,
}

/// How old what is known of chains and of the log may be when something is encrypted, in milliseconds.
const FRESH_MS: u64 = 60_000;
/// The first and the longest wait before something that had no answer is asked again, in milliseconds.
const RETRY_MS: (u64, u64) = (1_000, 300_000);
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// A device's conversations.
pub struct Machine {
    config: Config,
    store: Store,
    stream: Stream,
    /// Chains with the keys that are or were their devices.
    sound: Arc<BTreeSet<(KeyId, KeyId)>>,
    live: Live,
    now: Now,
    effects: Vec<Effect>,
}

impl Machine {
    /// Opens what was stored; nothing for a device that begins.
    ///
    /// # Errors
    /// What the generator gives when it cannot deliver.
    pub fn open<R: TryCryptoRng>(
        config: Config,
        snapshot: Snapshot,
        now: Now,
        rng: &mut R,
    ) -> Result<(Self, Step), R::Error> {
        let stream = Stream::default();
        stream.reseed(rng)?;
        #[cfg(feature = "planted")]
        stream.record(config.keys.clone());
        let (sound, live, store) = (Arc::default(), Live::default(), Store::open(snapshot));
        let mut machine = Machine { config, store, stream, sound, live, now, effects: Vec::new() };
        machine.learn_sound();
        machine.begin_instance();
        machine.work();
        let step = machine.step();
        Ok((machine, step))
    }

    /// Takes one event. The step is done before the next event is handed in.
    ///
    /// # Errors
    /// What the generator gives when it cannot deliver; nothing happened then.
    pub fn handle<R: TryCryptoRng>(&mut self, event: Event, now: Now, rng: &mut R) -> Result<Step, R::Error> {
        self.stream.reseed(rng)?;
        self.now = now;
        self.take(event);
        self.work();
        Ok(self.step())
    }

    fn step(&mut self) -> Step {
        if let Some(at) = self.next_wake() {
            self.effects.push(Effect::WakeAt(at));
        }
        Step { writes: self.store.take(), effects: std::mem::take(&mut self.effects) }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Connected => self.connect(),
            Event::Disconnected => self.disconnect(),
            Event::Frame { token, sender, frame } => self.receive(token, sender, frame),
            Event::MailboxEmpty { look } => self.mailbox_was_empty(look),
            Event::Contact { chain, stands } => self.contact_changes(chain, stands),
            Event::AskedAgain { chain } => self.asked_again(chain),
            Event::Answered { request, answer } => self.answered(request, answer),
            Event::Published { publish, kept } => self.published(publish, kept),
            Event::Vouched { chat_key, signature } => self.vouched(chat_key, signature),
            Event::SignedRejoin { to, envelope } => self.send_rejoin(to, envelope),
            Event::Tick => {}
            Event::Say { with, body } => self.say(with, body),
            Event::Note { key, value } => self.note(key, value),
        }
    }

    /// Does all that can be done now; asks for what is missing.
    fn work(&mut self) {
        if self.store.get::<Me>("me").is_none() {
            self.make_chat_key();
            return;
        }
        self.work_instance();
        // A state that may be a copy judges nothing: a log with commits of its own future would look like a forgery.
        if !self.live.connected || self.live.instance != instance::Stage::Only {
            return;
        }
        self.work_mail();
        self.work_synced();
        self.work_logs();
        self.work_packages();
        self.work_starts();
        self.work_commits();
        self.work_answers();
        self.work_lost();
        self.work_outbox();
        self.work_publishes();
        self.work_look();
    }

    fn connect(&mut self) {
        self.disconnect();
        self.live.connected = true;
        self.begin_instance();
    }

    fn disconnect(&mut self) {
        self.live = Live {
            next: self.live.next,
            instance: if self.live.instance == instance::Stage::SomebodyElse {
                instance::Stage::SomebodyElse
            } else {
                instance::Stage::Unknown
            },
            waiting: std::mem::take(&mut self.live.waiting),
            opened: self.live.opened,
            ..Live::default()
        };
    }

    fn tell(&mut self, notice: Notice) {
        self.effects.push(Effect::Tell(notice));
    }

    fn number(&mut self) -> u64 {
        self.live.next += 1;
        self.live.next
    }

    /// The next place in a list that is kept in order.
    fn place_in(&self, list: &str) -> String {
        let next: u64 = self.store.get("next").unwrap_or(0);
        self.store.put("next", &(next + 1));
        format!("{list}/{next:016x}")
    }

    fn random_id(&self) -> Id {
        Id(self.stream.array())
    }

    fn random_below(&self, bound: u64) -> u64 {
        u64::from_be_bytes(self.stream.array()) % bound.max(1)
    }

    fn since(&self, then: Timestamp) -> u64 {
        u64::try_from(self.now.wall.unix() - then.unix()).unwrap_or(0)
    }
}
