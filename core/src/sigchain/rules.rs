//! The checks of each body, judged against the state before the event.

use super::Reason;
use super::body::Body;
use super::event::Event;
use super::pop::Pop;
use super::possession::{Possession, Role};
use super::state::State;
use crate::key::KeyId;

/// The checks that only a genesis has.
pub(super) fn check_genesis(event: &Event, chain: KeyId) -> Result<State, Reason> {
    let Body::Genesis { primary, rotation_keys, server } = &event.body else { return Err(Reason::BadGenesis) };
    if event.seq != 1 || event.prev.is_some() {
        return Err(Reason::BadGenesis);
    }
    if event.signer != chain || *primary != chain {
        return Err(Reason::GenesisNotSelfSigned);
    }
    if !rotation_keys.contains(primary) {
        return Err(Reason::PrimaryNotInRotationKeys);
    }
    Ok(State::new(*primary, rotation_keys.clone(), server.clone()))
}

/// The checks of any other event. `proves` is whether a new key signed these bytes with this proof.
pub(super) fn check(
    event: &Event,
    before: &State,
    chain: KeyId,
    proves: impl Fn(&KeyId, &[u8], &Pop) -> bool,
) -> Result<(), Reason> {
    let place = event.place(chain);
    let possession = |key: &KeyId, role, enc_key, pop: &Pop| {
        let input = Possession { place: &place, role, enc_key }.signing_input(key);
        if proves(key, &input, pop) { Ok(()) } else { Err(Reason::BadPossessionProof) }
    };
    let holds = |condition, otherwise| if condition { Ok(()) } else { Err(otherwise) };
    match &event.body {
        Body::AddDeviceKey { key, enc_key, pop } => {
            holds(!before.knows(key), Reason::KeyReuse)?;
            possession(key, Role::Device, *enc_key, pop)
        }
        Body::RotatePrimary { primary, rotation_keys, pop } => {
            holds(rotation_keys.contains(primary), Reason::PrimaryNotInRotationKeys)?;
            let free = |key| before.rotation_keys.contains(key) || !before.knows(key);
            holds(*primary != before.primary && rotation_keys.iter().all(free), Reason::KeyReuse)?;
            possession(primary, Role::Primary, None, pop)
        }
        Body::RevokeKey { key, .. } => holds(before.devices.contains_key(key), Reason::UnknownKey),
        Body::ClaimRemove { claim } => holds(before.claims.contains_key(claim), Reason::UnknownClaim),
        Body::ServerMove { from, .. } => holds(*from == before.server, Reason::WrongServer),
        Body::Genesis { .. } | Body::ClaimAdd { .. } | Body::Deactivate { .. } | Body::Unlisted { .. } => Ok(()),
    }
}
