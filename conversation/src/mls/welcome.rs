//! Welcomes: what they are to, and joining by one.

use mls_rs::MlsMessage;

use super::{Mls, Place, Refused, View, view};
use crate::context::{Cid, Context};
use crate::leaf::Leaf;

impl Mls<'_> {
    /// The references of the packages that a Welcome is for.
    pub(crate) fn references(welcome: &[u8]) -> Vec<String> {
        let Ok(message) = MlsMessage::from_bytes(welcome) else { return Vec::new() };
        message.welcome_key_package_references().into_iter().map(|reference| const_hex::encode(&**reference)).collect()
    }

    /// Joins by a Welcome; also gives the leaf that sent it.
    pub(crate) fn join(&self, life: u32, welcome: &[u8]) -> Result<(Place, View, Leaf), Refused> {
        let message = MlsMessage::from_bytes(welcome)?;
        let (mut group, info) = self.client(life).join_group(None, &message, None)?;
        let cid = Cid(group.group_id().try_into().map_err(|_| Refused)?);
        let sender = group.roster().member_with_index(info.sender)?;
        group.write_to_storage()?;
        Ok((Place { cid, life }, view(&group)?, Leaf::of_member(&sender.signing_identity).map_err(|_| Refused)?))
    }

    /// The group that a Welcome is to, if this device can open it.
    pub(crate) fn examine(&self, welcome: &[u8]) -> Result<(Cid, Context, u64), Refused> {
        let info = self.client(0).examine_welcome_message(&MlsMessage::from_bytes(welcome)?)?;
        let context = info.group_context();
        let cid = Cid(context.group_id.as_slice().try_into().map_err(|_| Refused)?);
        Ok((cid, Context::of(&context.extensions).map_err(|_| Refused)?, context.epoch))
    }
}
