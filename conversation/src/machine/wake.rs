//! When there is something to do though nothing happens.

use kez_core::{KeyId, Timestamp};

use super::records::{Lost, Mail, ToAnswer};
use super::rejoin::{TURN_SECS, WAIT_SECS};
use super::said::RECEIPT_SECS;
use super::{HOUR, Machine, mail, packages};

/// How soon everything is looked at when something waits to be said, and when nothing does, in seconds.
const WAITING_SECS: u64 = 600;
const IDLE_SECS: u64 = HOUR;

impl Machine {
    /// The moment, by the steady clock.
    pub(super) fn next_wake(&self) -> Option<u64> {
        if !self.live.connected {
            return None;
        }
        let now = self.now.steady;
        let held = self.live.asked.values().filter(|asked| !asked.under_way).map(|asked| asked.not_before);
        let refused = self.live.refused_publishes.values().map(|asked| asked.not_before);
        let tried = self.live.tried.values().map(|at| at + packages::AGAIN_MS);
        let steady = held.chain(refused).chain(tried).filter(|at| *at > now).min();
        let wall = now + self.next_due().clamp(1, IDLE_SECS) * 1_000;
        Some(steady.map_or(wall, |steady| steady.min(wall)))
    }

    /// In how many seconds the first thing is due that is timed by the clock on the wall.
    fn next_due(&self) -> u64 {
        let mut due = vec![IDLE_SECS];
        let mut at =
            |then: Timestamp, after: u64| due.extend(after.checked_sub(self.since(then)).filter(|in_| *in_ > 0));
        for key in self.store.keys("answer/") {
            let Some(answer) = self.store.get::<ToAnswer>(&key).filter(|answer| !answer.done) else { continue };
            // The next turn, or whatever keeps it from being answered may be over.
            let turns = self.since(answer.came) / TURN_SECS + 1;
            at(answer.came, if turns < 100 { turns * TURN_SECS } else { turns * TURN_SECS + WAIT_SECS });
        }
        for key in self.store.keys("lost/") {
            let Some(lost) = self.store.get::<Lost>(&key) else { continue };
            at(lost.since, WAIT_SECS);
            let asked = peer_of(&key).and_then(|peer| self.asked(&peer).last().copied());
            asked.iter().for_each(|(asked, _)| at(*asked, HOUR));
        }
        for key in self.store.keys("owed/") {
            let receipted = peer_of(&key).and_then(|peer| self.store.get(&format!("receipted/{}", peer.hex())));
            receipted.into_iter().for_each(|then| at(then, RECEIPT_SECS));
        }
        for key in self.store.keys("sealed/") {
            let mail = self.store.get::<Mail>(&key).filter(|mail| !mail.asked);
            mail.into_iter().for_each(|mail| at(mail.at, mail::SEALED_ASK_SECS));
        }
        for group in self.groups().iter().filter(|group| group.added) {
            at(group.own_commit_at, self.own_commit_secs(group));
        }
        if !self.store.keys("out/").is_empty() || !self.store.keys("mail/").is_empty() {
            due.push(WAITING_SECS);
        }
        if self.live.failures.values().any(|(second, count)| *second == self.now.steady / 1_000 && *count > 0) {
            due.push(1);
        }
        due.into_iter().min().unwrap_or(IDLE_SECS)
    }
}

/// The identity at the end of a record's key.
pub(super) fn peer_of(key: &str) -> Option<KeyId> {
    key.rsplit('/').next().and_then(|hex| KeyId::from_parts("ed25519", hex).ok())
}
