//! Random histories.

use kez_conversation::{Body, Event};
use kez_core::SigningKey;

use super::checks::Broken;
use super::device::Device;
use super::{Planted, Text, World};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Runs the history of a seed.
///
/// # Errors
/// What is not true in the end.
pub(crate) fn run(seed: u64, planted: Planted) -> Result<(), Broken> {
    live(&mut World::new(seed, planted))
}

/// Runs it and tells what happened.
pub(crate) fn read(seed: u64) -> (Vec<String>, Result<(), Broken>) {
    let mut world = World::new(seed, Planted::Nothing);
    world.story = Some(Vec::new());
    let ended = live(&mut world);
    (world.story.unwrap_or_default(), ended)
}

fn live(world: &mut World) -> Result<(), Broken> {
    for at in 0..world.devices.len() {
        world.connect(at);
    }
    world.pass(MINUTE);
    let chains: Vec<_> = world.server.chains.keys().copied().collect();
    for (n, a) in chains.iter().enumerate() {
        for b in &chains[n + 1..] {
            world.become_contacts(*a, *b);
        }
    }
    world.pass(3 * MINUTE);
    let steps = 30 + world.rng.below(50);
    let mut quiet = 0;
    for _ in 0..steps {
        world.something();
        let wait = world.rng.next() % (20_000);
        world.pass(wait);
        if let Some(broken) = world.broken.take() {
            return Err(broken);
        }
    }
    world.chaos = false;
    for _ in 0..60 {
        for at in 0..world.devices.len() {
            world.connect(at);
        }
        world.pass(2 * MINUTE);
        quiet = if world.devices.iter().all(|device| device.revoked || device.is_idle()) { quiet + 1 } else { 0 };
        if quiet > 3 {
            break;
        }
    }
    // Whatever was to be done within a day is done.
    world.pass(DAY + 12 * HOUR);
    let before = world.publishes;
    world.pass(3 * HOUR);
    if let Some(broken) = world.broken.take() {
        return Err(broken);
    }
    if world.publishes != before {
        return Err(Broken::NeverQuiet(world.publishes - before));
    }
    world.check()
}

impl World {
    fn something(&mut self) {
        let at = self.rng.below(self.devices.len());
        match self.rng.below(100) {
            0..55 => self.say(at),
            55..63 => self.crash(at),
            63..70 => self.disconnect(at),
            70..80 => self.connect(at),
            80..84 => {
                let hours = self.rng_hours(5);
                self.pass(hours);
            }
            84..87 => self.add_device(at),
            87..90 => self.revoke(at),
            90..92 => self.lose_state(at),
            92..94 => self.restore(at),
            94..96 => {
                self.disconnect(at);
                let days = [1, 6][self.rng.below(2)];
                self.pass_days(days);
            }
            _ => (0..self.devices.len()).for_each(|at| self.connect(at)),
        }
    }

    fn rng_hours(&mut self, most: usize) -> u64 {
        (1 + self.rng.below(most) as u64) * HOUR / 2
    }

    fn pass_days(&mut self, days: u64) {
        self.pass(days * DAY);
    }

    fn say(&mut self, at: usize) {
        let (chain, contacts) = (self.devices[at].chain, self.devices[at].contacts.len());
        if self.devices[at].machine.is_none() || contacts == 0 || self.devices[at].revoked {
            return;
        }
        let with = *self.devices[at].contacts.keys().nth(self.rng.below(contacts)).expect("one of them");
        let said = format!("text {}", self.texts.len());
        let joined = |device: &Device| {
            (device.chain == with && device.joined.contains(&chain))
                || (device.chain == chain && device.joined.contains(&with))
        };
        let needed =
            (0..self.devices.len()).filter(|d| !self.devices[*d].revoked && joined(&self.devices[*d])).collect();
        let text = Text { said: said.clone(), author: at, at: self.wall(), needed, at_risk: false, given_up: false };
        self.texts.push(text);
        self.happen(at, Event::Say { with, body: Body::Text { text: said.clone(), re: None } });
        // The program ended before it was written down: it was not said.
        let is_it =
            |line: &kez_conversation::Line| matches!(&line.content.body, Body::Text { text, .. } if *text == said);
        if !self.devices[at].lines().iter().any(is_it) {
            self.texts.pop();
        }
    }

    fn add_device(&mut self, at: usize) {
        let chain = self.devices[at].chain;
        if self.server.chains[&chain].active.len() >= 4 {
            return;
        }
        let mut key = [9; 32];
        key[0] = u8::try_from(self.devices.len()).expect("few");
        let key = SigningKey::from_seed(&key);
        self.server.add(chain, key.id());
        let mut device = Device::new(key, chain);
        let stranger = kez_conversation::Stands::Contact { accepted_here: false };
        device.contacts = self.devices[at].contacts.keys().map(|contact| (*contact, stranger)).collect();
        self.devices.push(device);
        self.connect(self.devices.len() - 1);
    }

    fn revoke(&mut self, at: usize) {
        let (chain, id) = (self.devices[at].chain, self.devices[at].id);
        // The primary stays.
        if id == chain || self.devices[at].revoked {
            return;
        }
        self.server.revoke(chain, id);
        // The broker may be slow to end its session, or on its side: it reads on as long as it runs.
        if self.rng.once_in(2) {
            self.disconnect(at);
        }
        // What it had not sent yet, nobody gets from it.
        self.texts.iter_mut().filter(|text| text.author == at).for_each(|text| text.given_up = true);
        self.devices[at].revoked = true;
        self.devices[at].revoked_at = Some(self.wall());
    }

    /// A disk is lost. One in a history: with two nobody may be left who has a text.
    fn lose_state(&mut self, at: usize) {
        if self.lost_once() {
            return;
        }
        self.risk(at);
        self.crash(at);
        self.devices[at].disk.clear();
    }

    /// A disk is put back as it was a while ago.
    fn restore(&mut self, at: usize) {
        if self.lost_once() {
            return;
        }
        let old = self.snapshot(at);
        // A backup that is younger than the last step is taken for the state.
        self.pass(3 * MINUTE);
        for _ in 0..3 {
            self.say(at);
            self.pass(MINUTE);
        }
        self.risk(at);
        self.crash(at);
        self.devices[at].restored = true;
        self.devices[at].disk = old;
    }

    fn lost_once(&mut self) -> bool {
        let lost = self.texts.iter().any(|text| text.at_risk);
        lost || self.texts.is_empty()
    }

    /// What the author may not have sent is gone; what the device had and confirmed, nobody says to it again.
    fn risk(&mut self, at: usize) {
        let lines = self.devices[at].lines();
        for text in &mut self.texts {
            text.at_risk |= text.author == at;
            let has = |line: &kez_conversation::Line| matches!(&line.content.body, Body::Text { text: said, .. } if *said == text.said);
            if lines.iter().any(has) {
                text.needed.retain(|needs| *needs != at);
            }
        }
        // Even when it had said nothing, it happened.
        if let Some(first) = self.texts.first_mut() {
            first.at_risk = true;
        }
    }
}
