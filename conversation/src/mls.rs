//! The library behind a few whole operations, each of which takes a group from the store and leaves it there.
//!
//! No group object outlives its operation: what fails leaves nothing behind once the caller has gone back to its mark, and
//! what is used is always what is stored.

use std::collections::BTreeSet;
use std::sync::Arc;

use kez_core::{KeyId, Timestamp};
use mls_rs::client_builder::MlsConfig;
use mls_rs::crypto::SignatureSecretKey;
use mls_rs::extension::recommended::LastResortKeyPackageExt;
use mls_rs::group::proposal::Proposal;
use mls_rs::group::{CommitEffect, CommitSecrets, ReceivedMessage};
use mls_rs::time::MlsTime;
use mls_rs::{CipherSuiteProvider as _, Client, ExtensionList, Group, MlsMessage, WireFormat};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::context::{Cid, Context};
use crate::crypto::{Provider, SUITE, Stream};
use crate::leaf::{Identities, Leaf, Voucher};
use crate::machine::Bytes;
use crate::package;
use crate::store::Store;

mod messages;
mod rules;
mod storage;
#[cfg(test)]
mod tests;
mod welcome;

pub(crate) use messages::NotOpened;
use rules::Rules;
use storage::{Groups, Packages};
pub(crate) use storage::{epoch_key, package_key};

/// What only the members of an epoch know: MLS-Exporter(label, empty context, 32 bytes).
const GATE_LABEL: &[u8] = b"kez.chat/gate/v1";

/// Something that the library or the rules refuse; the machine has reasons of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused by the rules of MLS or of conversations")]
pub(crate) struct Refused;

impl From<mls_rs::error::MlsError> for Refused {
    fn from(_: mls_rs::error::MlsError) -> Self {
        Refused
    }
}

/// A device's chat key with its device's voucher.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Me {
    pub(crate) seed: Bytes,
    pub(crate) voucher: Voucher,
}

/// The operations, for one device, as far as chains are known.
pub(crate) struct Mls<'a> {
    pub(crate) store: &'a Store,
    pub(crate) stream: &'a Stream,
    pub(crate) me: &'a Me,
    /// Chains with the keys that are or were their devices.
    pub(crate) sound: Arc<BTreeSet<(KeyId, KeyId)>>,
}

/// Which group, and which life of it: a device that lost its place and was taken in again keeps the old state for frames
/// that come late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) cid: Cid,
    pub(crate) life: u32,
}

impl Place {
    /// What the keys of its records begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("mls/{}/{:08}/", self.cid, self.life)
    }
}

/// A leaf and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) index: u32,
    pub(crate) leaf: Leaf,
}

/// A group as it is.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) epoch: u64,
    pub(crate) context: Context,
    pub(crate) own: u32,
    pub(crate) seats: Vec<Seat>,
    /// The devices that the commit added that led here, if it is known.
    pub(crate) added: Vec<KeyId>,
    pub(crate) gate: [u8; 32],
}

/// A commit that was made and is not merged.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) commit: Vec<u8>,
    /// Of the epoch after it.
    pub(crate) next_gate: [u8; 32],
    pub(crate) secrets: Zeroizing<Vec<u8>>,
    pub(crate) welcome: Option<Vec<u8>>,
}

/// SHA-256 of a gate: what the server keeps of it.
pub(crate) fn gate_hash(gate: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(gate).into()
}

/// Makes a chat key; the voucher is for the device key to sign.
pub(crate) fn chat_key(stream: &Stream) -> Result<(Zeroizing<Vec<u8>>, [u8; 32]), Refused> {
    let (secret, public) = Provider::new(stream.clone()).signature_key_generate().map_err(|_| Refused)?;
    Ok((Zeroizing::new(secret.as_bytes().to_vec()), public.as_bytes().try_into().map_err(|_| Refused)?))
}

/// The public half of a chat key.
pub(crate) fn public_of(provider: &Provider, seed: &[u8]) -> Result<[u8; 32], Refused> {
    let public = provider.signature_key_derive_public(&SignatureSecretKey::new_slice(seed)).map_err(|_| Refused)?;
    public.as_bytes().try_into().map_err(|_| Refused)
}

impl Mls<'_> {
    fn client(&self, life: u32) -> Client<impl MlsConfig + use<>> {
        let signer = SignatureSecretKey::new_slice(&self.me.seed);
        Client::builder()
            .crypto_provider(Provider::new(self.stream.clone()))
            .identity_provider(Identities { sound: Arc::clone(&self.sound) })
            .mls_rules(Rules)
            .group_state_storage(Groups { store: self.store.clone(), life })
            .key_package_repo(Packages { store: self.store.clone() })
            .extension_types(package::extensions())
            .protocol_version(mls_rs::ProtocolVersion::MLS_10)
            .key_package_lifetime(std::time::Duration::from_secs(package::LIFETIME_SECS))
            .signing_identity(self.me.voucher.signing_identity(), signer, SUITE)
            .build()
    }

    fn load(&self, place: Place) -> Result<Group<impl MlsConfig + use<>>, Refused> {
        Ok(self.client(place.life).load_group(&place.cid.0)?)
    }

    /// A key package and the name of its private keys, which the store has now.
    pub(crate) fn package(&self, now: Timestamp, last_resort: bool) -> Result<(String, Vec<u8>), Refused> {
        let from = u64::try_from(now.unix()).unwrap_or(0).saturating_sub(package::CLOCK_MARGIN_SECS);
        let mut extensions = ExtensionList::new();
        if last_resort {
            extensions.set_from(LastResortKeyPackageExt).map_err(|_| Refused)?;
        }
        let message =
            self.client(0).generate_key_package_message(extensions, ExtensionList::new(), Some(MlsTime::from(from)))?;
        let provider = Provider::new(self.stream.clone());
        let reference = message.key_package_reference(&provider)?.ok_or(Refused)?;
        let reference: &[u8] = &reference;
        Ok((const_hex::encode(reference), message.to_bytes()?))
    }

    /// Makes a group of this device alone.
    pub(crate) fn create(&self, place: Place, context: &Context) -> Result<(), Refused> {
        let mut group = self.client(place.life).create_group_with_id(
            place.cid.0.to_vec(),
            context.extensions(),
            ExtensionList::new(),
            None,
        )?;
        Ok(group.write_to_storage()?)
    }

    /// How a group stands, judged by the rules that hold for its whole life.
    pub(crate) fn view(&self, place: Place) -> Result<View, Refused> {
        view(&self.load(place)?)
    }

    /// Makes a commit: the leaves at `remove` go, the devices of `add` (key packages) come. The group stays in its epoch.
    pub(crate) fn commit(
        &self,
        place: Place,
        add: &[Vec<u8>],
        remove: &[u32],
        nonce: Option<[u8; 16]>,
    ) -> Result<Draft, Refused> {
        let mut group = self.load(place)?;
        let mut builder = group.commit_builder().authenticated_data(nonce.map(Vec::from).unwrap_or_default());
        for index in remove {
            builder = builder.remove_member(*index)?;
        }
        for bytes in add {
            builder = builder.add_member(MlsMessage::from_bytes(bytes)?)?;
        }
        let (output, secrets) = builder.build_detached()?;
        group.write_to_storage()?;
        // The gate of the next epoch, on a copy that nobody keeps.
        let mut next = self.load(place)?;
        next.apply_detached_commit(secrets.clone())?;
        let next_gate = view(&next)?.gate;
        Ok(Draft {
            commit: output.commit_message.to_bytes()?,
            next_gate,
            secrets: Zeroizing::new(secrets.to_bytes()?),
            welcome: output.welcome_messages.first().map(MlsMessage::to_bytes).transpose()?,
        })
    }

    /// Merges an own commit, which the server took.
    pub(crate) fn merge(&self, place: Place, secrets: &[u8]) -> Result<View, Refused> {
        let mut group = self.load(place)?;
        let commit = group.apply_detached_commit(CommitSecrets::from_bytes(secrets)?)?;
        group.write_to_storage()?;
        Ok(View { added: added(&commit.effect), ..view(&group)? })
    }

    /// Follows somebody's commit; none when it removed this device, whose state stays as it was. Also gives the nonce of
    /// the rejoin that it answers.
    pub(crate) fn follow(&self, place: Place, commit: &[u8]) -> Result<(Option<View>, Vec<u8>), Refused> {
        let message = MlsMessage::from_bytes(commit)?;
        if message.wire_format() != WireFormat::PrivateMessage {
            return Err(Refused);
        }
        let mut group = self.load(place)?;
        let before = view(&group)?;
        let ReceivedMessage::Commit(commit) = group.process_incoming_message(message)? else { return Err(Refused) };
        let nonce = commit.authenticated_data.clone();
        if !(nonce.is_empty() || nonce.len() == 16) {
            return Err(Refused);
        }
        match &commit.effect {
            CommitEffect::NewEpoch(_) => {
                let after = View { added: added(&commit.effect), ..view(&group)? };
                if before.context != after.context {
                    return Err(Refused);
                }
                group.write_to_storage()?;
                Ok((Some(after), nonce))
            }
            CommitEffect::Removed { .. } => Ok((None, nonce)),
            CommitEffect::ReInit(_) => Err(Refused),
        }
    }

    /// Whether a commit is from this device's own leaf, by the word of whoever encrypted it.
    pub(crate) fn is_own(&self, place: Place, commit: &[u8]) -> bool {
        let processed = || {
            let mut group = self.load(place).ok()?;
            Some(group.process_incoming_message(MlsMessage::from_bytes(commit).ok()?))
        };
        matches!(processed(), Some(Err(mls_rs::error::MlsError::CantProcessMessageFromSelf)))
    }
}

/// The devices that a commit adds.
fn added(effect: &CommitEffect) -> Vec<KeyId> {
    let CommitEffect::NewEpoch(epoch) = effect else { return Vec::new() };
    let adds = epoch.applied_proposals.iter().filter_map(|info| match &info.proposal {
        Proposal::Add(add) => Leaf::of_member(add.signing_identity()).ok(),
        _ => None,
    });
    adds.map(|leaf| leaf.device).collect()
}

/// Reads a group, and refuses what no commit may bring about: leaves of other identities or forms, a device with two
/// leaves, another context.
fn view<C: MlsConfig>(group: &Group<C>) -> Result<View, Refused> {
    let context = Context::of(&group.context().extensions).map_err(|_| Refused)?;
    let mut seats = Vec::new();
    let mut devices = BTreeSet::new();
    for member in group.roster().members_iter() {
        let leaf = Leaf::of_member(&member.signing_identity).map_err(|_| Refused)?;
        let formed = Leaf::has_capabilities(&member.capabilities) && member.extensions.is_empty();
        if !formed || !context.chains.contains(&leaf.chain) || !devices.insert(leaf.device) {
            return Err(Refused);
        }
        seats.push(Seat { index: member.index, leaf });
    }
    let gate = group.export_secret(GATE_LABEL, &[], 32)?;
    Ok(View {
        epoch: group.current_epoch(),
        context,
        own: group.current_member_index(),
        seats,
        added: Vec::new(),
        gate: gate.as_bytes().try_into().map_err(|_| Refused)?,
    })
}
