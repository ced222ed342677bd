//! What is said, sealed and opened.

use mls_rs::MlsMessage;
use mls_rs::group::ReceivedMessage;
use zeroize::Zeroizing;

use super::{Mls, Place, Refused};
use crate::leaf::Leaf;

/// Why a private message was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// Its key is used up or was let go of: it was opened before, or is too old.
    KeyGone,
    /// Anything else: damaged, forged, or encrypted with keys that this device never had.
    Failed,
}

/// A message that was opened.
pub(crate) struct Opened {
    pub(crate) sender: Leaf,
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
}

impl Mls<'_> {
    /// Encrypts content for all other leaves.
    pub(crate) fn encrypt(&self, place: Place, content: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut group = self.load(place)?;
        let frame = group.encrypt_application_message(content, Vec::new())?.to_bytes()?;
        group.write_to_storage()?;
        Ok(frame)
    }

    /// Opens a private message of this epoch or of one that is kept.
    pub(crate) fn open(&self, place: Place, frame: &[u8]) -> Result<Opened, NotOpened> {
        let open = || -> Result<Opened, mls_rs::error::MlsError> {
            let mut group = self.client(place.life).load_group(&place.cid.0)?;
            let ReceivedMessage::ApplicationMessage(message) =
                group.process_incoming_message(MlsMessage::from_bytes(frame)?)?
            else {
                return Err(mls_rs::error::MlsError::UnexpectedMessageType);
            };
            if !message.authenticated_data.is_empty() {
                return Err(mls_rs::error::MlsError::UnexpectedMessageType);
            }
            // The library takes a message of an earlier epoch only from a leaf whose chat key is the same now.
            let member = group.roster().member_with_index(message.sender_index)?;
            let sender =
                Leaf::of_member(&member.signing_identity).map_err(|_| mls_rs::error::MlsError::MemberNotFound)?;
            group.write_to_storage()?;
            Ok(Opened { sender, plaintext: Zeroizing::new(message.data().to_vec()) })
        };
        open().map_err(|error| match error {
            mls_rs::error::MlsError::KeyMissing(_) | mls_rs::error::MlsError::EpochNotFound => NotOpened::KeyGone,
            _ => NotOpened::Failed,
        })
    }
}
