//! Verifying what brokers sign. A broker signs each of its requests with one key, so a table of that key's multiples is
//! worth making once: with it a signature costs two products with tables instead of one without.

use std::sync::{Arc, PoisonError, RwLock};

use curve25519_dalek::edwards::EdwardsBasepointTable;
use curve25519_dalek::traits::BasepointTable as _;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha512};

/// Most keys that have a table, 30 KB each: a cluster's servers, and those that they were before a restart.
const MOST: usize = 32;

/// The keys of brokers that have asked something, the latest last.
#[derive(Default)]
pub struct BrokerKeys(RwLock<Vec<Arc<Known>>>);

/// A key that has signed something, and the multiples of −A.
struct Known {
    key: [u8; 32],
    minus: EdwardsBasepointTable,
}

impl BrokerKeys {
    /// Whether `key` signed `message` (RFC 8032 section 5.1.7). The first signature of a key is verified strictly.
    pub(super) fn verify(&self, key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
        if let Some(known) = self.find(key) {
            return known.verify(message, signature);
        }
        let Ok(verifying) = VerifyingKey::from_bytes(key) else { return false };
        let is_good = verifying.verify_strict(message, &Signature::from_bytes(signature)).is_ok();
        if is_good {
            self.learn(key, &verifying);
        }
        is_good
    }

    fn find(&self, key: &[u8; 32]) -> Option<Arc<Known>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|known| known.key == *key).cloned()
    }

    fn learn(&self, key: &[u8; 32], verifying: &VerifyingKey) {
        let made = Known { key: *key, minus: EdwardsBasepointTable::create(&-verifying.to_edwards()) };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.iter().all(|known| known.key != *key) {
            if known.len() >= MOST {
                known.remove(0);
            }
            known.push(Arc::new(made));
        }
    }
}

impl Known {
    /// R = S·B − k·A, compared as bytes: no second spelling of R or of S passes.
    fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let (r, s) = signature.split_at(32);
        let s = s.try_into().ok().and_then(|s| Option::<Scalar>::from(Scalar::from_canonical_bytes(s)));
        let Some(s) = s else { return false };
        let hash = Sha512::new().chain_update(r).chain_update(self.key).chain_update(message).finalize();
        let k = Scalar::from_bytes_mod_order_wide(&hash.into());
        (EdwardsPoint::mul_base(&s) + self.minus.mul_base(&k)).compress().as_bytes() == r
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    #[test]
    fn a_known_key_is_judged_as_an_unknown_one_is() {
        let broker = SigningKey::from_bytes(&[40; 32]);
        let (key, message) = (broker.verifying_key().to_bytes(), b"a request".as_slice());
        let good = broker.sign(message).to_bytes();
        let keys = BrokerKeys::default();
        assert!(keys.find(&key).is_none() && keys.verify(&key, message, &good));
        assert!(keys.find(&key).is_some() && keys.verify(&key, message, &good), "and again, with its table");
        for at in 0..64 {
            let mut bad = good;
            bad[at] ^= 1;
            assert!(!keys.verify(&key, message, &bad), "byte {at}");
        }
        assert!(!keys.verify(&key, b"another request", &good));
        // S + ℓ is the same scalar, spelt otherwise.
        let mut other = good;
        let order = [0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14];
        let mut carry = 0_u16;
        for (at, byte) in other[32..].iter_mut().enumerate() {
            let add: u8 = if at < 16 {
                order[at]
            } else if at == 31 {
                0x10
            } else {
                0
            };
            carry += u16::from(*byte) + u16::from(add);
            *byte = u8::try_from(carry & 0xff).expect("a byte");
            carry >>= 8;
        }
        assert!(!keys.verify(&key, message, &other));
    }

    #[test]
    fn a_key_is_learnt_from_a_good_signature_only_and_not_for_ever() {
        let keys = BrokerKeys::default();
        let broker = |seed| SigningKey::from_bytes(&[seed; 32]);
        let first = broker(0).verifying_key().to_bytes();
        assert!(!keys.verify(&first, b"x", &[0; 64]) && keys.find(&first).is_none());
        for seed in 0..=u8::try_from(MOST).expect("a small number") {
            let key = broker(seed).verifying_key().to_bytes();
            assert!(keys.verify(&key, b"x", &broker(seed).sign(b"x").to_bytes()));
        }
        assert!(keys.find(&first).is_none(), "the oldest made room");
        assert_eq!(keys.0.read().expect("not poisoned").len(), MOST);
    }
}
