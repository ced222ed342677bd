//! Who a leaf is: a device of an identity, and the chat key that it vouches for.
//!
//! credential = basic, identity = chain key ‖ device key ‖ device's signature over the chain and the chat key (128 bytes).

use std::collections::BTreeSet;
use std::sync::Arc;

use kez_core::{KeyId, PublicKey, chat_leaf};
use mls_rs::error::IntoAnyError;
use mls_rs::identity::basic::BasicCredential;
use mls_rs::identity::{CredentialType, SigningIdentity};
use mls_rs::mls_rs_codec::MlsEncode as _;
use mls_rs::time::MlsTime;
use mls_rs::{ExtensionList, IdentityProvider};
use mls_rs_core::group::Capabilities;
use mls_rs_core::identity::MemberValidationContext;
use serde::{Deserialize, Serialize};

use crate::context::EXTENSION;

/// A leaf whose device signed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The identity.
    pub chain: KeyId,
    /// The identity's device.
    pub device: KeyId,
    /// The key that signs in conversations.
    pub chat_key: [u8; 32],
}

/// A device's key vouches for a chat key: what the driver is asked to sign, since the device's key stays outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// The identity.
    pub chain: KeyId,
    /// The device.
    pub device: KeyId,
    /// The chat key.
    #[serde(with = "const_hex")]
    pub chat_key: [u8; 32],
    /// [`chat_leaf::sign`] of the three.
    #[serde(with = "const_hex")]
    pub signature: [u8; 64],
}

impl Voucher {
    /// The identity that a leaf of this chat key carries.
    pub(crate) fn signing_identity(&self) -> SigningIdentity {
        let mut identity = Vec::with_capacity(128);
        identity.extend_from_slice(self.chain.as_bytes());
        identity.extend_from_slice(self.device.as_bytes());
        identity.extend_from_slice(&self.signature);
        SigningIdentity::new(BasicCredential::new(identity).into_credential(), self.chat_key.to_vec().into())
    }
}

/// The leaf is not of the form that conversations have, or its device did not sign for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a leaf that no device vouches for")]
pub struct Unsound;

impl IntoAnyError for Unsound {}

impl Leaf {
    /// Reads a leaf's identity and verifies the device's signature.
    pub(crate) fn read(identity: &SigningIdentity) -> Result<Leaf, Unsound> {
        let (leaf, signature) = Leaf::parts(identity)?;
        PublicKey::try_from(&KeyId::ed25519(leaf.chat_key)).map_err(|_| Unsound)?;
        let vouched = chat_leaf::verify(&leaf.device, &leaf.chain, &leaf.chat_key, &signature);
        if vouched { Ok(leaf) } else { Err(Unsound) }
    }

    /// Reads the identity of a leaf that is in a group: it was verified when it came there.
    pub(crate) fn of_member(identity: &SigningIdentity) -> Result<Leaf, Unsound> {
        Leaf::parts(identity).map(|(leaf, _)| leaf)
    }

    fn parts(identity: &SigningIdentity) -> Result<(Leaf, [u8; 64]), Unsound> {
        let basic = identity.credential.as_basic().ok_or(Unsound)?;
        let bytes: &[u8; 128] = basic.identifier().try_into().map_err(|_| Unsound)?;
        let part = |from: usize| -> [u8; 32] { std::array::from_fn(|i| bytes[from + i]) };
        let signature: [u8; 64] = std::array::from_fn(|i| bytes[64 + i]);
        let chat_key: [u8; 32] = identity.signature_key.as_bytes().try_into().map_err(|_| Unsound)?;
        Ok((Leaf { chain: KeyId::ed25519(part(0)), device: KeyId::ed25519(part(32)), chat_key }, signature))
    }

    /// Whether what a leaf says that it can do is what all can, and no more.
    pub(crate) fn has_capabilities(capabilities: &Capabilities) -> bool {
        let mut extensions: Vec<u16> = capabilities.extensions.iter().map(|e| e.raw_value()).collect();
        extensions.sort_unstable();
        capabilities.protocol_versions == [mls_rs::ProtocolVersion::MLS_10]
            && capabilities.cipher_suites == [crate::crypto::SUITE]
            && extensions == [LAST_RESORT, EXTENSION.raw_value()]
            && capabilities.proposals.is_empty()
            && capabilities.credentials == [CredentialType::BASIC]
    }
}

/// The extension of key packages that may be handed out more than once.
pub(crate) const LAST_RESORT: u16 = 0x000A;

/// Tells the library who may be a leaf: devices that are sound as far as the chains are known. An identity is a chain with
/// a device, so that no device has two leaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities {
    /// Chains with the keys that are or were their devices.
    pub(crate) sound: Arc<BTreeSet<(KeyId, KeyId)>>,
}

impl IdentityProvider for Identities {
    type Error = Unsound;

    fn validate_member(
        &self,
        identity: &SigningIdentity,
        _: Option<MlsTime>,
        _: MemberValidationContext<'_>,
    ) -> Result<(), Unsound> {
        let leaf = Leaf::read(identity)?;
        if self.sound.contains(&(leaf.chain, leaf.device)) { Ok(()) } else { Err(Unsound) }
    }

    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), Unsound> {
        Err(Unsound)
    }

    fn identity(&self, identity: &SigningIdentity, _: &ExtensionList) -> Result<Vec<u8>, Unsound> {
        // Asked before the leaf is judged, too: who claims to be a device counts as that device until then.
        match Leaf::of_member(identity) {
            Ok(leaf) => Ok([*leaf.chain.as_bytes(), *leaf.device.as_bytes()].concat()),
            Err(Unsound) => identity.mls_encode_to_vec().map_err(|_| Unsound),
        }
    }

    fn valid_successor(
        &self,
        old: &SigningIdentity,
        new: &SigningIdentity,
        _: &ExtensionList,
    ) -> Result<bool, Unsound> {
        let (old, new) = (Leaf::of_member(old)?, Leaf::read(new)?);
        Ok((old.chain, old.device) == (new.chain, new.device))
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CredentialType::BASIC]
    }
}
