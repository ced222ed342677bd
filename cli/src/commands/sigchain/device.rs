//! Devices: offering one's key, adding the key that was offered, revoking one.

use std::path::Path;

use kez_core::sigchain::{Body, Place, Pop, Possession, RevokeReason, Role};
use kez_core::text::decode;
use kez_core::{Hash, KeyId};
use serde::{Deserialize, Serialize};

use super::super::input;
use super::{Mine, key, of_name, save};
use crate::args::{HomeArgs, KeyArgs};
use crate::failure::{Failure, Local};
use crate::holding::Holding;
use crate::server_url::ServerUrl;
use crate::{keyfile, output};

/// More than any offer has, in bytes.
const MAX_OFFER_BYTES: usize = 8192;

/// A new device's key with its proof, which is good for one place of one chain.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offer {
    chain: KeyId,
    seq: u64,
    prev: Option<Hash>,
    key: KeyId,
    pop: String,
}

/// Prints the offer of this machine's key to become a device of `name`.
pub(super) fn offer(keys: &KeyArgs, name: &str, server: Option<ServerUrl>) -> Result<(), Failure> {
    let key_file = keyfile::path(keys.file.as_deref())?;
    let (identity, _, fetched) = of_name(name, server)?;
    fetched.head()?;
    let key = key::unlock(&key_file, keys)?;
    let place = fetched.next();
    let pop = Possession { place: &place, role: Role::Device, enc_key: None }.prove(&key).to_string();
    save(&Holding { key: key.id(), ..identity }, &key_file);
    let Place { chain, seq, prev } = place;
    output::json(&Offer { chain, seq, prev, key: key.id(), pop })
}

/// Signs that the key that made the offer is a device.
pub(super) fn add(keys: &KeyArgs, offer: &Path, home: HomeArgs) -> Result<(), Failure> {
    let text = input::read(offer, MAX_OFFER_BYTES)?;
    let broken = || Failure::new(Local::OfferBroken, "This is no offer as `kez sigchain offer` prints it.");
    let offer: Offer = serde_json::from_str(&decode(&text).ok_or_else(broken)?).map_err(|_| broken())?;
    let pop = Pop::from_bytes(const_hex::decode_to_array(&offer.pop).map_err(|_| broken())?);
    let mut mine = Mine::open(keys, home)?;
    mine.state()?;
    let place = mine.fetched.next();
    if offer.chain != place.chain {
        return Err(Failure::new(Local::OfferBroken, "The offer was made to another identity."));
    }
    if (offer.seq, offer.prev) != (place.seq, place.prev) {
        let detail = "The chain went on since the offer was made; make a new one on the device.";
        return Err(Failure::new(Local::OfferStale, detail));
    }
    mine.add(&Body::AddDeviceKey { key: offer.key, enc_key: None, pop })
}

/// Signs that a device is one no longer.
pub(super) fn revoke(keys: &KeyArgs, device: KeyId, reason: RevokeReason, home: HomeArgs) -> Result<(), Failure> {
    let mut mine = Mine::open(keys, home)?;
    mine.state()?;
    mine.add(&Body::RevokeKey { key: device, reason })
}
