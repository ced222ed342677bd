//! What is known of identities' chains, and how new that is.

use std::collections::BTreeSet;
use std::sync::Arc;

use kez_core::KeyId;

use super::{FRESH_MS, Machine};
use crate::effect::{Notice, Request};
use crate::event::{Answer, Refused};
use crate::facts::Facts;

impl Machine {
    /// Gathers which devices are sound, from all chains that are known.
    pub(super) fn learn_sound(&mut self) {
        let chains = self.store.keys("chain/").into_iter().filter_map(|key| self.store.get::<Facts>(&key));
        let mut sound: BTreeSet<(KeyId, KeyId)> =
            chains.flat_map(|facts| facts.ever.into_iter().map(move |device| (facts.chain, device))).collect();
        sound.insert((self.config.chain, self.config.device));
        self.sound = Arc::new(sound);
    }

    pub(super) fn facts(&self, chain: &KeyId) -> Option<Facts> {
        self.store.get(&format!("chain/{}", chain.hex()))
    }

    /// What is known of a chain, if it was asked for within the last minute; else it is asked for.
    pub(super) fn fresh_facts(&mut self, chain: &KeyId) -> Option<Facts> {
        let fresh = self.live.chains.get(chain).is_some_and(|(at, _)| self.now.steady < at + FRESH_MS);
        if !fresh {
            self.ask(format!("chain/{}", chain.hex()), Request::Chain { chain: *chain });
            return None;
        }
        self.facts(chain)
    }

    /// Whether a chain was asked for after `number` was given out; else it is asked for.
    pub(super) fn is_known_since(&mut self, chain: &KeyId, number: u64) -> bool {
        let known = self.live.chains.get(chain).is_some_and(|(_, request)| *request > number);
        if !known {
            self.ask(format!("chain/{}", chain.hex()), Request::Chain { chain: *chain });
        }
        known
    }

    /// What is known of a chain; it is asked for once in a connection.
    pub(super) fn known_facts(&mut self, chain: &KeyId) -> Option<Facts> {
        if !self.live.chains.contains_key(chain) {
            return self.fresh_facts(chain);
        }
        self.facts(chain)
    }

    pub(super) fn chain_answered(&mut self, chain: KeyId, answer: &Answer) {
        let name = format!("chain/{}", chain.hex());
        let facts = match answer {
            Answer::Chain(facts) if facts.chain == chain => facts.clone(),
            // Nobody is there any longer: what was known of its devices stays, and none is good.
            Answer::Refused(Refused::NotFound) => match self.facts(&chain) {
                Some(facts) => Facts { live: false, ..facts },
                None => Facts::without_chain(chain, false),
            },
            _ => return self.back_off(&name),
        };
        let known = self.facts(&chain);
        if known.as_ref().is_some_and(|known| known.entries > facts.entries) {
            // A log only grows: the server hides something that it showed before.
            self.tell(Notice::Hidden { chain, seen_by: self.config.chain });
            return self.back_off(&name);
        }
        // What was ever a device stays one.
        let mut facts = facts;
        for key in known.into_iter().flat_map(|known| known.ever) {
            if !facts.ever.contains(&key) {
                facts.ever.push(key);
            }
        }
        self.store.put(&name, &facts);
        self.learn_sound();
        let asked = self.live.asked.get(&name).copied().unwrap_or_default();
        self.live.chains.insert(chain, (asked.at, asked.request));
        self.compare_heads(&facts);
    }
}
