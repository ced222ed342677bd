//! What a recovery key can do for its identity, and doing it.

use kez_core::sigchain::{Body, Chain, Place, Possession, RECOVERY_WINDOW_SECS, RevokeReason, Role, Unverified};
use kez_core::{Handle, KeyId, SigningKey, Timestamp};

use super::fetch::{Fetched, Trouble};
use super::history;
use crate::api::Holder;
use crate::browser;
use crate::vault::{self, Identity, Stage};

/// Events of a way that are told; more are counted.
const STORY: usize = 6;
/// Ways that are looked at, the latest first.
const MAX_WAYS: usize = 100;

/// One way to get the identity back.
pub(super) struct Way {
    /// The event after which everything is undone; the last one's number for nothing.
    pub(super) after: u64,
    /// How many events that undoes.
    pub(super) undone: usize,
    /// When the first of them was received.
    pub(super) since: Timestamp,
    /// What they did, as markup.
    pub(super) story: Vec<String>,
    /// Whether it undoes a change of the identity's key.
    undoes_rotation: bool,
}

/// What can be done with a recovery key, which is kept for doing it.
pub(super) struct Plan {
    /// Whose identity it is.
    pub(super) handle: Handle,
    fetched: Fetched,
    recovery: SigningKey,
    /// At least one.
    pub(super) ways: Vec<Way>,
}

impl Plan {
    /// Whether the key that waits in this browser is the identity's primary already; how many devices there are then.
    pub(super) async fn is_carried_out(holder: &Holder, fetched: &Fetched) -> Result<Option<usize>, Trouble> {
        let Some(state) = fetched.chain.state() else { return Ok(None) };
        let waits = vault::prepared().await?.filter(|waits| waits.key == state.primary);
        let Some(identity) = waits else { return Ok(None) };
        let (chain, primary, registered_at) = (holder.chain, identity.key, Some(holder.registered_at));
        vault::settle(&Identity { stage: Stage::Registered, chain, primary, registered_at, ..identity }).await?;
        Ok(Some(state.devices.len()))
    }

    /// Finds out what the key can do: every way is judged as the server will judge it.
    pub(super) async fn new(handle: Handle, fetched: Fetched, recovery: SigningKey) -> Result<Plan, Trouble> {
        let chain = &fetched.chain;
        let Some(head) = chain.head() else {
            return Err(Trouble::Odd(
                "This identity has no recovery words: none were ever made active. If one of your browsers still holds it, \
                 make them there, under “Your identity”.",
            ));
        };
        // Only for judging; the real key is made when the way was chosen.
        let probe = SigningKey::from_seed(&*vault::random()?);
        let now = browser::now();
        let mut ways = Vec::new();
        let in_chain: Vec<_> = fetched.told.iter().filter(|told| fetched.holds(told)).collect();
        let earliest = head.seq.saturating_sub(MAX_WAYS as u64).max(1);
        for after in (earliest..=head.seq).rev() {
            let undone: Vec<_> = in_chain.iter().filter(|told| told.seq > after).collect();
            let since = undone.first().map_or(now, |told| told.received_at);
            if now.abs_diff(since) > RECOVERY_WINDOW_SECS {
                break;
            }
            if permits(chain, after, &recovery, &probe) {
                ways.push(Way {
                    after,
                    undone: undone.len(),
                    since,
                    story: undone.iter().take(STORY).map(|told| history::say(&fetched, told).0).collect(),
                    undoes_rotation: undone.iter().any(|told| matches!(told.body, Body::RotatePrimary { .. })),
                });
            }
            browser::sleep(0).await;
        }
        if ways.is_empty() {
            return Err(Trouble::Odd(
                "These words are read well, but they can do nothing for this identity: they belong to another one, or \
                 they were replaced more than 72 hours ago.",
            ));
        }
        Ok(Plan { handle, fetched, recovery, ways })
    }

    /// The way that most people want: to undo the last change of the key and what followed, or to keep everything.
    pub(super) fn suggestion(&self) -> usize {
        self.ways.iter().position(|way| way.undoes_rotation).unwrap_or(0)
    }

    /// Makes a new key in this browser the identity's primary, in the place of whatever this browser holds of it; how many
    /// devices stay.
    pub(super) async fn carry_out(mut self, chosen: usize, reason: RevokeReason) -> Result<usize, Trouble> {
        let place = self.ways.get(chosen).and_then(|way| self.fetched.chain.after(way.after));
        let place = place.ok_or(Trouble::MovedOn)?;
        let mut out: Vec<KeyId> = self.removed_after(&place);
        // A device's key that this browser gives up is nobody's from now on.
        out.extend(vault::load().await?.map(|before| before.key));
        let identity = vault::prepare(self.handle.clone(), browser::now()).await?;
        let secret = vault::open(&identity.key).await?;
        let event = rotation(&place, &secret, &self.recovery);
        self.fetched.post(&event).await?;
        let (chain, primary, registered_at) = (self.fetched.chain.id(), identity.key, Some(browser::now()));
        vault::settle(&Identity { stage: Stage::Registered, chain, primary, registered_at, ..identity }).await?;
        // What the owner had removed and the fork brought back is removed again.
        for key in out {
            if self.fetched.chain.state().is_some_and(|state| state.devices.contains_key(&key)) {
                // The recovery key is the one for which there is always room.
                self.fetched.sign(&Body::RevokeKey { key, reason }, &self.recovery).await?;
            }
        }
        Ok(self.fetched.chain.state().map_or(0, |state| state.devices.len()))
    }

    /// Devices that events behind `place` removed.
    fn removed_after(&self, place: &Place) -> Vec<KeyId> {
        let told = self.fetched.told.iter().filter(|told| told.seq >= place.seq && self.fetched.holds(told));
        told.filter_map(|told| if let Body::RevokeKey { key, .. } = told.body { Some(key) } else { None }).collect()
    }
}

/// Whether the chain takes a rotation behind event `after` from `recovery` now.
fn permits(chain: &Chain, after: u64, recovery: &SigningKey, probe: &SigningKey) -> bool {
    let Some(place) = chain.after(after) else { return false };
    let event = rotation(&place, probe, recovery);
    let now = browser::now();
    let received_at = chain.last_received_at().map_or(now, |last| last.max(now));
    let judged = Unverified::parse(&event).ok().and_then(|event| chain.authenticate(event).ok());
    judged.is_some_and(|event| chain.judge(event, received_at).is_ok())
}

/// The event that makes `primary` the identity's key, with nobody but `recovery` above it.
fn rotation(place: &Place, primary: &SigningKey, recovery: &SigningKey) -> Vec<u8> {
    let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(primary);
    let rotation_keys = vec![recovery.id(), primary.id()];
    place.sign(&Body::RotatePrimary { primary: primary.id(), rotation_keys, pop }, browser::now(), recovery)
}
