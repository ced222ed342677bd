//! Another primary: by a rotation key, or back from a thief by the recovery key.

use std::path::Path;

use kez_core::recovery::Words;
use kez_core::sigchain::{Body, Chain, Place, Possession, RevokeReason, RevokedFor, Role};
use kez_core::text::decode;
use kez_core::{KeyId, SigningKey};
use zeroize::Zeroizing;

use super::super::{home, input, lookup};
use super::{Mine, of_name, other_key, print, save};
use crate::args::{HomeArgs, KeyArgs};
use crate::chain::Fetched;
use crate::client::Client;
use crate::failure::{Failure, Local};
use crate::holding::Holding;
use crate::server_url::ServerUrl;
use crate::{output, system};

/// Room for 24 words, with what people write beside them, in any encoding, in bytes.
const MAX_WORDS_BYTES: usize = 16 * 1024;

/// The key file's key hands over to the key in `new_key`, which takes its place among the rotation keys.
pub(super) fn rotate(keys: &KeyArgs, new_key: &Path, drop: &[KeyId], home: HomeArgs) -> Result<(), Failure> {
    let mut mine = Mine::open(keys, home)?;
    let (path, primary) = other_key(keys, new_key)?;
    let state = mine.state()?;
    let old = state.primary;
    let replaced = state.rotation_keys.iter().map(|key| if *key == old { primary.id() } else { *key });
    let rotation_keys = replaced.filter(|key| !drop.contains(key)).collect();
    let body = body(&mine.fetched.next(), &primary, rotation_keys);
    mine.add(&body)?;
    mine.remember(&path, primary.id());
    Ok(())
}

/// The recovery key makes the key in `new_key` the primary, with nobody but itself above it; with `after`, by a fork
/// that displaces all later events; devices that were revoked by those are revoked again. A handle that was released in the meantime is the new primary's to take.
pub(super) fn recover(
    keys: &KeyArgs,
    name: &str,
    server: Option<ServerUrl>,
    words: &Path,
    new_key: &Path,
    after: Option<u64>,
) -> Result<(), Failure> {
    let text = Zeroizing::new(input::read(words, MAX_WORDS_BYTES)?);
    let wrong = |what: String| Failure::new(Local::WordsWrong, what);
    let text = decode(&text).ok_or_else(|| wrong("The words are not text.".to_owned()))?;
    let recovery =
        Words::english().key(&text).map_err(|error| wrong(format!("The recovery key cannot be read: {error}.")))?;
    let (path, primary) = other_key(keys, new_key)?;
    let Found { identity, mut fetched, is_live } = find(name, server)?;
    let head = fetched.head()?;
    let place = match after {
        None => fetched.next(),
        Some(seq) => fetched.chain.after(seq).ok_or_else(|| {
            Failure::new(Local::Usage, format!("The chain has no event {seq}; its last one is {}.", head.seq))
        })?,
    };
    let displaced = head.seq + 1 - place.seq;
    if displaced > 0 {
        output::warn(&format!("This displaces {displaced} events of the chain, from {} to {}.", place.seq, head.seq));
    }
    let revoked = revoked_behind(&fetched.chain, &place);
    let body = body(&place, &primary, vec![recovery.id(), primary.id()]);
    let event = place.sign(&body, system::now(), &recovery);
    let head = fetched.post(&event)?;
    for (key, reason) in revoked {
        // Signed by the key for which a server always has room.
        let event = fetched.next().sign(&Body::RevokeKey { key, reason }, system::now(), &recovery);
        fetched.post(&event)?;
        output::warn(&format!("{key} is revoked again: the event that had revoked it was displaced."));
    }
    if is_live {
        save(&Holding { key: primary.id(), ..identity.clone() }, &path);
    } else {
        output::warn(&format!(
            "The handle was released, and is this key's to take: kez --key {} register {} --server {}",
            path.display(),
            identity.handle,
            identity.server,
        ));
    }
    print(&body, &identity.handle, &fetched, head)
}

/// The devices at `place` that were revoked since, and why.
fn revoked_behind(chain: &Chain, place: &Place) -> Vec<(KeyId, RevokeReason)> {
    let (Some(then), Some(now)) = (chain.state_at(place.seq - 1), chain.state()) else { return Vec::new() };
    let why = |key: &KeyId| match now.revoked.get(key).map(|revoked| revoked.reason) {
        Some(RevokedFor::Device(reason)) => Some((*key, reason)),
        _ => None,
    };
    then.devices.keys().filter_map(why).collect()
}

/// Whose chain is to be recovered.
struct Found {
    identity: Holding,
    fetched: Fetched,
    is_live: bool,
}

/// The identity of this name, also when somebody released the name: the server then tells whose it was. What it tells is
/// not believed further than the words are good for the chain.
fn find(name: &str, server: Option<ServerUrl>) -> Result<Found, Failure> {
    let gone = match of_name(name, server.clone()) {
        Ok((identity, _, fetched)) => return Ok(Found { identity, fetched, is_live: true }),
        Err(failure) => failure,
    };
    let Some(key) = gone.chain else { return Err(gone) };
    let (handle, server_name) = lookup::parse(name)?;
    let server = server.unwrap_or_else(|| ServerUrl::of(&server_name));
    let fetched = Fetched::at(home::sig_server(&Client::new(server.clone()))?, key)?;
    Ok(Found { identity: Holding { key, handle, server, server_name }, fetched, is_live: false })
}

fn body(place: &Place, primary: &SigningKey, rotation_keys: Vec<KeyId>) -> Body {
    let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(primary);
    Body::RotatePrimary { primary: primary.id(), rotation_keys, pop }
}
