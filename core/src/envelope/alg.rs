//! Signature algorithms.

use crate::key::Suite;

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alg {
    /// PureEdDSA over the canonical payload.
    Ed25519Sha512Jcs,
    /// BIP-340 over SHA-256 of the canonical payload.
    SchnorrSha256Jcs,
}

impl Alg {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Alg::Ed25519Sha512Jcs => "ed25519-sha512-jcs",
            Alg::SchnorrSha256Jcs => "schnorr-sha256-jcs",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Alg> {
        [Alg::Ed25519Sha512Jcs, Alg::SchnorrSha256Jcs].into_iter().find(|alg| alg.as_str() == text)
    }

    pub(super) const fn suite(self) -> Suite {
        match self {
            Alg::Ed25519Sha512Jcs => Suite::Ed25519,
            Alg::SchnorrSha256Jcs => Suite::Secp256k1,
        }
    }
}
