//! MLS cipher suite 3, `MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519` (RFC 9420 section 17.1), on the
//! implementations that the rest of the project signs and seals with.
//!
//! Randomness comes from a [`Stream`], which every step of the state machine seeds anew.

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use mls_rs::crypto::{HpkeCiphertext, HpkePsk, HpkePublicKey, HpkeSecretKey, SignaturePublicKey, SignatureSecretKey};
use mls_rs::error::IntoAnyError;
use mls_rs::{CipherSuite, CipherSuiteProvider, CryptoProvider};
use mls_rs_crypto_hpke::context::{ContextR, ContextS};
use mls_rs_crypto_hpke::dhkem::DhKem;
use mls_rs_crypto_hpke::hpke::Hpke;
use mls_rs_crypto_traits::{AeadType as _, KdfType as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

mod hpke;
mod stream;

use hpke::{Aead, Kdf, X25519};
pub(crate) use stream::Stream;

/// The only cipher suite.
pub(crate) const SUITE: CipherSuite = CipherSuite::CURVE25519_CHACHA;

/// What a private message's ciphertext is a multiple of, in bytes.
const PAD: usize = 256;
const TAG: usize = 16;
/// The additional data of what says who sent a message: group id of 16 bytes with its length, epoch, content type.
/// Additional data of the message itself goes on behind that (RFC 9420 section 6.3).
const SENDER_DATA_AAD: usize = 1 + 16 + 8 + 1;

/// Something that the suite refuses. Small and opaque: whoever made it gains nothing by knowing which check it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused by the cipher suite")]
pub(crate) struct Refused;

impl IntoAnyError for Refused {}

/// The suite's operations.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    stream: Stream,
    /// Whether private messages are padded. The library pads by steps of its own, and what it hands over to be sealed is
    /// the last place where zeros can still be added.
    pads: bool,
}

impl Provider {
    /// With randomness from `stream`, and padding as conversations have it.
    pub(crate) fn new(stream: Stream) -> Self {
        Provider { stream, pads: true }
    }

    fn hpke(&self) -> Hpke<DhKem<X25519, Kdf>, Kdf, Aead> {
        Hpke::new(DhKem::new(X25519(self.stream.clone()), Kdf, 0x0020, 32), Kdf, Some(Aead))
    }
}

impl CryptoProvider for Provider {
    type CipherSuiteProvider = Provider;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        vec![SUITE]
    }

    fn cipher_suite_provider(&self, suite: CipherSuite) -> Option<Provider> {
        (suite == SUITE).then(|| self.clone())
    }
}

impl CipherSuiteProvider for Provider {
    type Error = Refused;
    type HpkeContextS = ContextS<Kdf, Aead>;
    type HpkeContextR = ContextR<Kdf, Aead>;

    fn cipher_suite(&self) -> CipherSuite {
        SUITE
    }

    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, Refused> {
        Ok(Sha256::digest(data).to_vec())
    }

    fn mac(&self, key: &[u8], data: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Refused)?;
        mac.update(data);
        Ok(mac.finalize().into_bytes().to_vec())
    }

    fn aead_seal(&self, key: &[u8], data: &[u8], aad: Option<&[u8]>, nonce: &[u8]) -> Result<Vec<u8>, Refused> {
        if !self.pads || aad.is_none_or(|aad| aad.len() <= SENDER_DATA_AAD) {
            return Aead.seal(key, data, aad, nonce);
        }
        let mut padded = Zeroizing::new(Vec::with_capacity((data.len() + TAG).next_multiple_of(PAD)));
        padded.extend_from_slice(data);
        padded.resize((data.len() + TAG).next_multiple_of(PAD) - TAG, 0);
        let sealed = Aead.seal(key, &padded, aad, nonce)?;
        #[cfg(feature = "planted")]
        self.stream.sealed(key, &sealed);
        Ok(sealed)
    }

    fn aead_open(
        &self,
        key: &[u8],
        ciphertext: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        Aead.open(key, ciphertext, aad, nonce).map(Zeroizing::new)
    }

    fn aead_key_size(&self) -> usize {
        Aead.key_size()
    }

    fn aead_nonce_size(&self) -> usize {
        Aead.nonce_size()
    }

    fn kdf_extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
        Kdf.extract(salt, ikm).map(Zeroizing::new)
    }

    fn kdf_expand(&self, prk: &[u8], info: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, Refused> {
        Kdf.expand(prk, info, len).map(Zeroizing::new)
    }

    fn kdf_extract_size(&self) -> usize {
        Kdf.extract_size()
    }

    fn hpke_seal(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
    ) -> Result<HpkeCiphertext, Refused> {
        self.hpke().seal(remote_key, info, None, aad, pt).map_err(|_| Refused)
    }

    fn hpke_seal_psk(
        &self,
        remote_key: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        pt: &[u8],
        psk: HpkePsk<'_>,
    ) -> Result<HpkeCiphertext, Refused> {
        self.hpke().seal(remote_key, info, Some(psk), aad, pt).map_err(|_| Refused)
    }

    fn hpke_open(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        self.hpke().open(ciphertext, local_secret, local_public, info, None, aad).map_err(|_| Refused)
    }

    fn hpke_open_psk(
        &self,
        ciphertext: &HpkeCiphertext,
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        psk: HpkePsk<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Refused> {
        self.hpke().open(ciphertext, local_secret, local_public, info, Some(psk), aad).map_err(|_| Refused)
    }

    fn hpke_setup_s(&self, remote_key: &HpkePublicKey, info: &[u8]) -> Result<(Vec<u8>, Self::HpkeContextS), Refused> {
        self.hpke().setup_sender(remote_key, info, None).map_err(|_| Refused)
    }

    fn hpke_setup_r(
        &self,
        kem_output: &[u8],
        local_secret: &HpkeSecretKey,
        local_public: &HpkePublicKey,
        info: &[u8],
    ) -> Result<Self::HpkeContextR, Refused> {
        self.hpke().setup_receiver(kem_output, local_secret, local_public, info, None).map_err(|_| Refused)
    }

    fn kem_derive(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), Refused> {
        self.hpke().derive(ikm).map_err(|_| Refused)
    }

    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), Refused> {
        self.hpke().generate().map_err(|_| Refused)
    }

    fn kem_public_key_validate(&self, key: &HpkePublicKey) -> Result<(), Refused> {
        self.hpke().public_key_validate(key).map_err(|_| Refused)
    }

    fn random_bytes(&self, out: &mut [u8]) -> Result<(), Refused> {
        self.stream.fill(out);
        Ok(())
    }

    fn signature_key_generate(&self) -> Result<(SignatureSecretKey, SignaturePublicKey), Refused> {
        let mut seed = Zeroizing::new([0; 32]);
        self.stream.fill(&mut *seed);
        let secret = SignatureSecretKey::new_slice(&*seed);
        self.signature_key_derive_public(&secret).map(|public| (secret, public))
    }

    fn signature_key_derive_public(&self, secret: &SignatureSecretKey) -> Result<SignaturePublicKey, Refused> {
        signing_key(secret).map(|key| SignaturePublicKey::new_slice(key.verifying_key().as_bytes()))
    }

    fn sign(&self, secret: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, Refused> {
        signing_key(secret).map(|key| key.sign(data).to_bytes().to_vec())
    }

    fn verify(&self, public: &SignaturePublicKey, signature: &[u8], data: &[u8]) -> Result<(), Refused> {
        let key: [u8; 32] = public.as_bytes().try_into().map_err(|_| Refused)?;
        let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| Refused)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| Refused)?;
        key.verify_strict(data, &signature).map_err(|_| Refused)
    }
}

/// A chat key's private half is its 32-byte seed.
fn signing_key(secret: &SignatureSecretKey) -> Result<SigningKey, Refused> {
    secret.as_bytes().try_into().map(SigningKey::from_bytes).map_err(|_| Refused)
}

#[cfg(test)]
mod tests;
