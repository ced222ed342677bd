//! What HPKE (RFC 9180) is put together from: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _};
use curve25519_dalek::montgomery::MontgomeryPoint;
use hkdf::Hkdf;
use mls_rs::crypto::{HpkePublicKey, HpkeSecretKey};
use mls_rs_crypto_traits::{AeadType, DhType, KdfType, SamplingMethod};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Refused, Stream};

/// HKDF-SHA256.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kdf;

impl KdfType for Kdf {
    type Error = Refused;

    fn kdf_id(&self) -> u16 {
        0x0001
    }

    fn expand(&self, prk: &[u8], info: &[u8], len: usize) -> Result<Vec<u8>, Refused> {
        let mut out = vec![0; len];
        Hkdf::<Sha256>::from_prk(prk).map_err(|_| Refused)?.expand(info, &mut out).map_err(|_| Refused)?;
        Ok(out)
    }

    fn extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, Refused> {
        Ok(Hkdf::<Sha256>::extract(Some(salt), ikm).0.to_vec())
    }

    fn extract_size(&self) -> usize {
        32
    }
}

/// ChaCha20Poly1305.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aead;

impl AeadType for Aead {
    type Error = Refused;

    fn aead_id(&self) -> u16 {
        0x0003
    }

    fn seal(&self, key: &[u8], data: &[u8], aad: Option<&[u8]>, nonce: &[u8]) -> Result<Vec<u8>, Refused> {
        let nonce: [u8; 12] = nonce.try_into().map_err(|_| Refused)?;
        let cipher = ChaCha20Poly1305::new_from_slice(key).map_err(|_| Refused)?;
        cipher.encrypt(&nonce.into(), Payload { msg: data, aad: aad.unwrap_or_default() }).map_err(|_| Refused)
    }

    fn open(&self, key: &[u8], sealed: &[u8], aad: Option<&[u8]>, nonce: &[u8]) -> Result<Vec<u8>, Refused> {
        let nonce: [u8; 12] = nonce.try_into().map_err(|_| Refused)?;
        let cipher = ChaCha20Poly1305::new_from_slice(key).map_err(|_| Refused)?;
        cipher.decrypt(&nonce.into(), Payload { msg: sealed, aad: aad.unwrap_or_default() }).map_err(|_| Refused)
    }

    fn key_size(&self) -> usize {
        32
    }

    fn nonce_size(&self) -> usize {
        12
    }
}

/// X25519 (RFC 7748), with key pairs from a stream.
#[derive(Clone, Debug)]
pub(crate) struct X25519(pub(super) Stream);

impl DhType for X25519 {
    type Error = Refused;

    fn dh(&self, secret_key: &HpkeSecretKey, public_key: &HpkePublicKey) -> Result<Vec<u8>, Refused> {
        let shared = MontgomeryPoint(bytes(public_key)?).mul_clamped(*Zeroizing::new(bytes(secret_key)?));
        // RFC 9180 section 7.1.4: what comes to nothing was a point of small order.
        if shared.0 == [0; 32] { Err(Refused) } else { Ok(shared.0.to_vec()) }
    }

    fn generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), Refused> {
        let secret: HpkeSecretKey = self.0.array::<32>().to_vec().into();
        self.to_public(&secret).map(|public| (secret, public))
    }

    fn to_public(&self, secret_key: &HpkeSecretKey) -> Result<HpkePublicKey, Refused> {
        let secret = Zeroizing::new(bytes(secret_key)?);
        Ok(MontgomeryPoint::mul_base_clamped(*secret).0.to_vec().into())
    }

    fn bitmask_for_rejection_sampling(&self) -> SamplingMethod {
        SamplingMethod::HpkeWithoutBitmask
    }

    fn secret_key_size(&self) -> usize {
        32
    }

    fn public_key_size(&self) -> usize {
        32
    }

    fn public_key_validate(&self, key: &HpkePublicKey) -> Result<(), Refused> {
        bytes(key).map(|_| ())
    }
}

fn bytes(key: &[u8]) -> Result<[u8; 32], Refused> {
    key.try_into().map_err(|_| Refused)
}
