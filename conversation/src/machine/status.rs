//! What a person may want to know of the machine.

use kez_core::KeyId;

use super::Machine;
use super::instance::Stage;
use super::records::{Lost, Out, Status as GroupStatus, What};
use crate::content::Id;
use crate::effect::Wait;
use crate::event::Stands;

/// How the device's conversations stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineStatus {
    /// Whether the server says that this state is the only one of the device; none while it has not said.
    pub is_only: Option<bool>,
    /// One-time packages at the server and whether there is a last resort, as it said last in this connection.
    pub packages: Option<(u32, bool)>,
    /// Each conversation, in no order that means anything.
    pub conversations: Vec<ConversationStatus>,
    /// Contacts that this device has lost its place with, and asks to be taken in again.
    pub lost: Vec<KeyId>,
    /// Frames for others that no mailbox has taken yet.
    pub frames: usize,
    /// Frames that came and could not be opened yet.
    pub mail: usize,
}

/// How one conversation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationStatus {
    /// The other identity; the own one for the conversation among the own devices.
    pub with: KeyId,
    /// The generation: one sends in the highest that can go on.
    pub generation: u64,
    /// The epoch that this device is in.
    pub epoch: u64,
    /// The devices that are in it, without this one.
    pub devices: Vec<KeyId>,
    /// What can be done with it.
    pub state: ConversationState,
    /// Whether a commit of this device waits for the server's word.
    pub is_changing: bool,
    /// Why what is said in it waits.
    pub waits: Option<Wait>,
}

/// What can be done with a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationState {
    /// The server does not know it yet.
    Starting,
    /// One can talk.
    Open,
    /// It cannot go on for anybody.
    Stopped,
    /// This device was taken out of it.
    Left,
}

impl Machine {
    /// How everything stands.
    #[must_use]
    pub fn status(&self) -> MachineStatus {
        let lost = self.store.keys("lost/").into_iter().filter_map(|key| {
            self.store.get::<Lost>(&key)?;
            KeyId::from_parts("ed25519", key.rsplit('/').next()?).ok()
        });
        let conversations = self.groups().into_iter().map(|group| ConversationStatus {
            with: group.peer,
            generation: group.r#gen,
            epoch: group.epoch,
            devices: group
                .leaves
                .iter()
                .map(|(_, _, device)| *device)
                .filter(|device| *device != self.config.device)
                .collect(),
            state: match group.status {
                GroupStatus::Starting => ConversationState::Starting,
                GroupStatus::Following => ConversationState::Open,
                GroupStatus::Stopped => ConversationState::Stopped,
                GroupStatus::Removed => ConversationState::Left,
            },
            is_changing: group.pending.is_some(),
            waits: self.live.waiting.get(&group.peer).copied(),
        });
        MachineStatus {
            is_only: match self.live.instance {
                Stage::Unknown => None,
                Stage::Only => Some(true),
                Stage::SomebodyElse => Some(false),
            },
            packages: self.live.available,
            conversations: conversations.collect(),
            lost: lost.collect(),
            frames: self.outs().iter().filter_map(|(_, out)| out.sent.as_ref()).map(|sent| sent.todo.len()).sum(),
            mail: self.store.keys("mail/").len(),
        }
    }

    /// How the person stands to an identity.
    #[must_use]
    pub fn stands(&self, chain: &KeyId) -> Stands {
        self.contact(chain).map_or(Stands::Stranger, |contact| contact.stands)
    }

    /// The identities that are asked, or are contacts.
    #[must_use]
    pub fn contacts(&self) -> Vec<(KeyId, Stands)> {
        let chains = self.store.keys("contact/").into_iter();
        let chains = chains.filter_map(|key| KeyId::from_parts("ed25519", key.rsplit('/').next()?).ok());
        chains.map(|chain| (chain, self.stands(&chain))).collect()
    }

    /// Why what is said with an identity waits, if it does.
    #[must_use]
    pub fn waits(&self, with: &KeyId) -> Option<Wait> {
        self.live.waiting.get(with).copied()
    }

    /// The devices whose mailboxes have not taken what was said under `id`; none when nothing of it waits. An empty list is
    /// of something that is not encrypted yet.
    #[must_use]
    pub fn undelivered(&self, id: &Id) -> Option<Vec<KeyId>> {
        let is_it = |out: &Out| matches!(&out.what, What::Content { id: of, .. } if of == id);
        let (_, out) = self.outs().into_iter().find(|(_, out)| is_it(out))?;
        let todo = out.sent.map(|sent| sent.todo.into_iter().map(|(device, _)| device).collect());
        Some(todo.unwrap_or_default())
    }
}
