//! How the person stands to identities.

use kez_core::KeyId;

use super::Machine;
use super::records::Contact;
use super::wake::peer_of;
use crate::event::Stands;

impl Machine {
    /// The person decides how to stand to an identity.
    pub(super) fn contact_changes(&mut self, chain: KeyId, stands: Stands) {
        self.note_contact(chain, stands);
        self.set_contact(chain, stands);
    }

    /// A contact asks to be one. Whoever has their key can have it happen, so it is counted with other new beginnings.
    pub(super) fn asked_again(&mut self, chain: KeyId) {
        if self.is_contact(&chain) {
            self.store.put(&format!("anew/{}", chain.hex()), &self.now.wall);
        }
    }

    pub(super) fn set_contact(&mut self, chain: KeyId, stands: Stands) {
        let key = format!("contact/{}", chain.hex());
        match stands {
            Stands::Stranger => self.store.delete(&key),
            _ => self.store.put(&key, &Contact { stands, since: self.now.wall }),
        }
        self.unseal(chain);
    }

    pub(super) fn contact(&self, chain: &KeyId) -> Option<Contact> {
        self.store.get(&format!("contact/{}", chain.hex()))
    }

    pub(super) fn is_contact(&self, chain: &KeyId) -> bool {
        self.contact(chain).is_some_and(|contact| matches!(contact.stands, Stands::Contact { .. }))
    }

    /// The identities that there are or should be conversations with: contacts, and the own one.
    pub(super) fn peers(&self) -> Vec<KeyId> {
        let mut peers = vec![self.config.chain];
        for key in self.store.keys("contact/") {
            let Some(chain) = peer_of(&key) else { continue };
            if self.is_contact(&chain) && chain != self.config.chain {
                peers.push(chain);
            }
        }
        peers
    }
}
