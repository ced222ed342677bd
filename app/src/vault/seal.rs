//! Sealing the seed: XChaCha20-Poly1305 under a random 32-byte data key, `nonce ‖ ciphertext ‖ tag`.
//!
//! The additional data names the domain and the public key, so that a sealed seed moved into another record, or a
//! wrapped data key moved into another slot, does not open.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use kez_core::{KeyId, SigningKey};
use zeroize::Zeroizing;

use super::fault::Fault;

/// Bytes of an XChaCha20 nonce. Long enough to be drawn at random for every sealing.
const NONCE: usize = 24;

/// The key that seals the seed; wiped when dropped. Slots wrap it, each in its own way.
pub(super) type DataKey = Zeroizing<[u8; 32]>;

/// What a ciphertext of the vault is. Each has additional data of its own.
#[derive(Clone, Copy)]
pub(super) enum Domain {
    /// The seed under the data key.
    Seed,
    /// The data key under the device's own key.
    DeviceSlot,
    /// Names of devices under the data key.
    Names,
}

impl Domain {
    /// The additional data of a ciphertext of this kind, for the vault of `key`.
    pub(super) fn additional_data(self, key: &KeyId) -> Vec<u8> {
        let domain = match self {
            Domain::Seed => "kez-chat/vault/v1/seed",
            Domain::DeviceSlot => "kez-chat/vault/v1/slot/device",
            Domain::Names => "kez-chat/vault/v1/names",
        };
        format!("{domain}\n{key}").into_bytes()
    }
}

/// Fresh random bytes from the operating system, by way of the browser. The one place in the pages that asks for them.
#[expect(clippy::disallowed_methods, reason = "a browser has no caller that could hand randomness in")]
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Fault> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|_| Fault::NoRandomness)?;
    Ok(bytes)
}

/// Seals the seed of `key`.
pub(super) fn seal(key: &SigningKey, data_key: &DataKey) -> Result<Vec<u8>, Fault> {
    seal_as(Domain::Seed, &key.id(), &*key.seed(), data_key)
}

/// Seals what belongs to the vault of `id`.
pub(super) fn seal_as(domain: Domain, id: &KeyId, plain: &[u8], data_key: &DataKey) -> Result<Vec<u8>, Fault> {
    let nonce = random::<NONCE>()?;
    let payload = Payload { msg: plain, aad: &domain.additional_data(id) };
    let mut sealed = nonce.to_vec();
    sealed.extend(cipher(data_key).encrypt(&XNonce::from(*nonce), payload).map_err(|_| Fault::Damaged)?);
    Ok(sealed)
}

/// Opens a sealed seed. It must be the seed of `id`.
pub(super) fn unseal(id: &KeyId, sealed: &[u8], data_key: &DataKey) -> Result<SigningKey, Fault> {
    let seed = unseal_as(Domain::Seed, id, sealed, data_key)?;
    let key = SigningKey::from_seed(seed.as_slice().try_into().map_err(|_| Fault::Damaged)?);
    if key.id() == *id { Ok(key) } else { Err(Fault::Damaged) }
}

/// Opens what was sealed for the vault of `id`; wiped when dropped.
pub(super) fn unseal_as(
    domain: Domain,
    id: &KeyId,
    sealed: &[u8],
    data_key: &DataKey,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Fault::Damaged)?;
    let payload = Payload { msg: sealed, aad: &domain.additional_data(id) };
    cipher(data_key).decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| Fault::Damaged)
}

fn cipher(data_key: &DataKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&**data_key).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> (KeyId, Vec<u8>, DataKey) {
        let key = SigningKey::from_seed(&[7; 32]);
        let data_key = random().expect("the operating system has randomness");
        let sealed = seal(&key, &data_key).expect("a seed can be sealed");
        (key.id(), sealed, data_key)
    }

    #[test]
    fn a_sealed_seed_opens_again() {
        let (id, sealed, data_key) = sealed();
        assert!(unseal(&id, &sealed, &data_key).is_ok_and(|key| *key.seed() == [7; 32]));
        assert!(!sealed.windows(8).any(|window| window == [7; 8]), "the seed shows");
    }

    #[test]
    fn nothing_else_opens_it() {
        let (id, mut sealed, data_key) = sealed();
        assert!(unseal(&SigningKey::from_seed(&[8; 32]).id(), &sealed, &data_key).is_err(), "another record");
        assert!(unseal(&id, &sealed, &Zeroizing::new([0; 32])).is_err(), "another data key");
        assert!(unseal(&id, &sealed[..NONCE - 1], &data_key).is_err(), "shorter than its nonce");
        for at in 0..sealed.len() {
            sealed[at] ^= 1;
            assert!(unseal(&id, &sealed, &data_key).is_err(), "byte {at} changed");
            sealed[at] ^= 1;
        }
    }
}
