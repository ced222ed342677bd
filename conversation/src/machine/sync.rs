//! What an identity's devices keep alike: how the person stands to others, and what they note about them. The newest word
//! counts, by a counter and then by the device.

use kez_core::KeyId;
use kez_core::canonical::{Json, MAX_INTEGER};

use super::Machine;
use super::records::{Bytes, Group, Status};
use crate::content::{Body, Content, Item};
use crate::effect::Notice;
use crate::event::Stands;

/// Items in one message: with keys and values as this crate writes them, a third of what fits.
const ITEMS: usize = 24;
/// The longest key that is taken, in bytes.
const MAX_KEY: usize = 256;

impl Machine {
    /// The person notes something; the other devices are told.
    pub(super) fn note(&mut self, key: String, value: Json) {
        let counter = self.item(&key).map_or(0, |item| item.counter).saturating_add(1);
        let counter = counter.min(u64::try_from(MAX_INTEGER).unwrap_or(u64::MAX));
        let item = Item { key, value, counter, device: self.config.device };
        self.put_item(&item);
        self.tell_siblings(&[item], None);
    }

    /// How the person stands to an identity, for the other devices.
    pub(super) fn note_contact(&mut self, chain: KeyId, stands: Stands) {
        let word = match stands {
            Stands::Stranger => "none",
            Stands::Asked => "asked",
            Stands::Contact { .. } => "contact",
        };
        self.note(contact_key(&chain), Json::String(word.to_owned()));
    }

    /// Devices came into the own conversation by this one's doing: they are told everything.
    pub(super) fn tell_all(&mut self, group: &Group, devices: &[KeyId]) {
        if group.peer == self.config.chain {
            let items: Vec<Item> = self.store.keys("sync/").iter().filter_map(|key| self.read_item(key)).collect();
            self.tell_siblings(&items, Some(devices));
        }
    }

    fn tell_siblings(&mut self, items: &[Item], only: Option<&[KeyId]>) {
        let own = self.config.chain;
        let is_there = |group: &Group| group.peer == own && group.status == Status::Following;
        if !self.groups().iter().any(is_there) {
            // Whoever comes is told then.
            return;
        }
        for some in items.chunks(ITEMS) {
            let content = self.content(&own, Body::Sync(some.to_vec()), None);
            if let Some(bytes) = content.to_bytes() {
                self.put_out(own, content.id, bytes, false, only.map(<[KeyId]>::to_vec));
            }
        }
    }

    /// Another device of the own identity says what is so. Whether it still may is judged by a chain that is a minute old at most.
    pub(super) fn keep_synced(&self, device: KeyId, content: &[u8]) {
        let place = self.place_in("noted");
        self.store.put(&place, &(device, Bytes::from(content.to_vec())));
    }

    pub(super) fn work_synced(&mut self) {
        for key in self.store.keys("noted/") {
            let Some(facts) = self.fresh_facts(&self.config.chain.clone()) else { return };
            let noted = self.store.get::<(KeyId, Bytes)>(&key);
            self.store.delete(&key);
            let Some((device, content)) = noted else { continue };
            // A device that was robbed decides nothing any more.
            if let (true, Ok(Content { body: Body::Sync(items), .. })) =
                (facts.is_good(&device), Content::parse(&content))
            {
                self.synced(items);
            }
        }
    }

    fn synced(&mut self, items: Vec<Item>) {
        for item in items {
            let order = |item: &Item| (item.counter, *item.device.as_bytes());
            let is_older = |known: &Item| order(known) >= order(&item);
            if item.key.len() > MAX_KEY || self.item(&item.key).as_ref().is_some_and(is_older) {
                continue;
            }
            self.put_item(&item);
            if let Some(chain) = item.key.strip_prefix("contact/").and_then(|chain| chain.parse().ok()) {
                self.take_contact(chain, &item.value);
            }
            self.tell(Notice::Noted { key: item.key, value: item.value });
        }
    }

    fn take_contact(&mut self, chain: KeyId, word: &Json) {
        let known = self.contact(&chain).map_or(Stands::Stranger, |contact| contact.stands);
        let stands = match word {
            Json::String(word) if word == "contact" => match known {
                Stands::Contact { .. } => known,
                _ => Stands::Contact { accepted_here: false },
            },
            Json::String(word) if word == "asked" => Stands::Asked,
            _ => Stands::Stranger,
        };
        if stands != known {
            self.set_contact(chain, stands);
        }
    }

    /// Whether no device of this identity has said how the person stands to another one.
    pub(super) fn is_undecided(&self, chain: &KeyId) -> bool {
        self.item(&contact_key(chain)).is_none()
    }

    /// What is noted under a key.
    fn item(&self, key: &str) -> Option<Item> {
        self.read_item(&format!("sync/{key}"))
    }

    fn read_item(&self, name: &str) -> Option<Item> {
        Item::from_bytes(&self.store.get::<Bytes>(name)?)
    }

    fn put_item(&self, item: &Item) {
        self.store.put(&format!("sync/{}", item.key), &Bytes::from(item.to_bytes()));
    }
}

fn contact_key(chain: &KeyId) -> String {
    format!("contact/{chain}")
}
