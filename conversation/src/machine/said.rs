//! What is said and heard, once each; what arrived; what is said again.

use std::collections::BTreeMap;

use kez_core::{Hash, KeyId, Timestamp};

use super::records::{Bytes, Group, Said};
use super::wake::peer_of;
use super::{DAY, Machine};
use crate::content::{Body, Content, Id, MAX_REFS, Receipt, Ref};
use crate::effect::Notice;
use crate::facts::Facts;
use crate::leaf::Leaf;

/// At most one receipt in so many seconds a conversation, beside those that go with a text.
pub(super) const RECEIPT_SECS: u64 = 30;
/// How long what was said is kept to be said again, in seconds.
const AGAIN_SECS: u64 = 30 * DAY;

impl Machine {
    /// The person says something: it is in the outbox, and so it is said.
    pub(super) fn say(&mut self, with: KeyId, body: Body) {
        if !self.peers().contains(&with) {
            return;
        }
        let said = body.is_said();
        let receipt = if said { self.take_receipt(&with) } else { None };
        let content = self.content(&with, body, receipt);
        let Some(bytes) = content.to_bytes() else { return };
        if said {
            let own = self.config.chain;
            self.store.put(&seen(&with, &own, &content.id), &true);
            let record = Said {
                at: self.now.wall,
                device: self.config.device,
                bytes: Bytes::from(bytes.clone()),
                confirmed: Vec::new(),
            };
            self.store.put(&format!("said/{}/{}", with.hex(), content.id), &record);
            let device = self.config.device;
            self.add_line(&with, own, device, true, &bytes);
            let told = Notice::Said { with, by: own, device, content: content.clone(), good: true };
            self.tell(told);
        }
        self.put_out(with, content.id, bytes, said, None);
    }

    pub(super) fn content(&self, with: &KeyId, body: Body, receipt: Option<Receipt>) -> Content {
        let mut heads = BTreeMap::new();
        for chain in [self.config.chain, *with] {
            if let Some(head) = self.facts(&chain).and_then(|facts| facts.head) {
                heads.insert(chain, head);
            }
        }
        Content { id: self.random_id(), sent_at: self.now.wall, heads, body, receipt }
    }

    /// A message was opened.
    pub(super) fn heard(&mut self, group: &Group, leaf: &Leaf, plaintext: &[u8]) {
        let Ok(content) = Content::parse(plaintext) else { return };
        self.note_heads(&content.heads, leaf.chain, group);
        let peer = group.peer;
        if let Some(receipt) = &content.receipt {
            self.confirm(&peer, receipt, &leaf.device);
        }
        match &content.body {
            Body::Receipt(receipt) => {
                self.confirm(&peer, receipt, &leaf.device);
                let good = self.facts(&leaf.chain).is_some_and(|facts| facts.is_good(&leaf.device));
                self.tell(Notice::Said { with: peer, by: leaf.chain, device: leaf.device, content, good });
                return;
            }
            Body::Sync(_) if peer != self.config.chain => return,
            _ => {}
        }
        let key = seen(&peer, &leaf.chain, &content.id);
        let repeated = self.store.has(&key);
        if leaf.chain != self.config.chain && content.body.is_said() {
            self.owe_receipt(&peer, Ref { by: leaf.chain, id: content.id });
        }
        if repeated {
            return;
        }
        self.store.put(&key, &true);
        if matches!(content.body, Body::Sync(_)) {
            return self.keep_synced(leaf.device, plaintext);
        }
        let good = self.facts(&leaf.chain).is_some_and(|facts| facts.is_good(&leaf.device));
        if leaf.chain == self.config.chain && content.body.is_said() {
            let record = Said {
                at: self.now.wall,
                device: leaf.device,
                bytes: Bytes::from(plaintext.to_vec()),
                confirmed: Vec::new(),
            };
            self.store.put(&format!("said/{}/{}", peer.hex(), content.id), &record);
        }
        if content.body.is_said() {
            self.add_line(&peer, leaf.chain, leaf.device, good, plaintext);
        }
        self.tell(Notice::Said { with: peer, by: leaf.chain, device: leaf.device, content, good });
    }

    fn confirm(&self, peer: &KeyId, receipt: &Receipt, device: &KeyId) {
        for reference in receipt.delivered.iter().chain(&receipt.read) {
            let key = format!("said/{}/{}", peer.hex(), reference.id);
            let Some(mut said) = self.store.get::<Said>(&key) else { continue };
            if reference.by == self.config.chain && !said.confirmed.contains(device) {
                said.confirmed.push(*device);
                self.store.put(&key, &said);
            }
        }
    }

    fn owe_receipt(&self, peer: &KeyId, reference: Ref) {
        let key = format!("owed/{}", peer.hex());
        let mut owed: Vec<Ref> = self.store.get(&key).unwrap_or_default();
        if !owed.contains(&reference) {
            owed.push(reference);
            self.store.put(&key, &owed);
        }
    }

    fn take_receipt(&self, peer: &KeyId) -> Option<Receipt> {
        let key = format!("owed/{}", peer.hex());
        let mut owed: Vec<Ref> = self.store.get(&key)?;
        let delivered: Vec<Ref> = owed.drain(..owed.len().min(MAX_REFS)).collect();
        if owed.is_empty() {
            self.store.delete(&key);
        } else {
            self.store.put(&key, &owed);
        }
        self.store.put(&format!("receipted/{}", peer.hex()), &self.now.wall);
        Some(Receipt { delivered, read: Vec::new() })
    }

    /// Says what arrived, where nothing was said for a while.
    pub(super) fn work_receipts(&mut self) {
        for key in self.store.keys("owed/") {
            let Some(peer) = peer_of(&key) else { continue };
            let last: Option<Timestamp> = self.store.get(&format!("receipted/{}", peer.hex()));
            if last.is_some_and(|last| !self.is_past(last, RECEIPT_SECS) && last <= self.now.wall) {
                continue;
            }
            if let Some(receipt) = self.take_receipt(&peer) {
                let content = self.content(&peer, Body::Receipt(receipt), None);
                if let Some(bytes) = content.to_bytes() {
                    self.put_out(peer, content.id, bytes, false, None);
                }
            }
        }
    }

    /// A device came in, perhaps before this was said: it is told.
    pub(super) fn say_unsure(&mut self, group: &Group, ids: &[Id], device: KeyId) {
        for id in ids {
            if let Some(said) = self.store.get::<Said>(&format!("said/{}/{id}", group.peer.hex())) {
                self.put_out(group.peer, *id, said.bytes.to_vec(), false, Some(vec![device]));
            }
        }
    }

    pub(super) fn say_to_all_again(&mut self, peer: &KeyId, id: Id) {
        if let Some(said) = self.store.get::<Said>(&format!("said/{}/{id}", peer.hex())) {
            self.put_out(*peer, id, said.bytes.to_vec(), false, None);
        }
    }

    /// A device is back: it is told what it may have missed, as far as it did not say that it has it.
    pub(super) fn say_again(&mut self, group: &Group, device: KeyId) {
        let own = self.config.chain;
        let lowest = !group.leaves.iter().any(|(index, chain, _)| *chain == own && *index < group.own);
        for key in self.store.keys(&format!("said/{}/", group.peer.hex())) {
            let Some(said) = self.store.get::<Said>(&key) else { continue };
            if self.is_past(said.at, AGAIN_SECS) {
                self.store.delete(&key);
                continue;
            }
            let mine = said.device == self.config.device || lowest;
            if mine && !said.confirmed.contains(&device) {
                let Some(id) = key.rsplit('/').next().and_then(|id| Id::try_from(id.to_owned()).ok()) else { continue };
                self.put_out(group.peer, id, said.bytes.to_vec(), false, Some(vec![device]));
            }
        }
    }

    /// This device joined a group late: to those who are in this one alone it says again what it said meanwhile elsewhere.
    pub(super) fn say_here(&mut self, group: &Group) {
        let Some(started_at) = self.live.logs.get(&group.cid).map(|part| part.log.started_at) else { return };
        let others: Vec<Group> =
            self.groups().into_iter().filter(|other| other.peer == group.peer && other.cid != group.cid).collect();
        let is_there =
            |device: &KeyId| others.iter().any(|other| other.leaves.iter().any(|(_, _, leaf)| leaf == device));
        let here: Vec<KeyId> =
            group.leaves.iter().map(|(_, _, device)| *device).filter(|device| !is_there(device)).collect();
        if others.is_empty() || here.is_empty() {
            return;
        }
        for key in self.store.keys(&format!("said/{}/", group.peer.hex())) {
            let Some(said) = self.store.get::<Said>(&key) else { continue };
            let Some(id) = key.rsplit('/').next().and_then(|id| Id::try_from(id.to_owned()).ok()) else { continue };
            let to: Vec<KeyId> = here.iter().filter(|device| !said.confirmed.contains(device)).copied().collect();
            if said.device == self.config.device && said.at.unix() >= started_at && !to.is_empty() {
                self.put_out(group.peer, id, said.bytes.to_vec(), false, Some(to));
            }
        }
    }

    /// What a sender saw of a chain: more than is known here is looked up.
    fn note_heads(&mut self, heads: &BTreeMap<KeyId, (u64, Hash)>, by: KeyId, group: &Group) {
        for chain in [self.config.chain, group.peer] {
            let Some(claimed) = heads.get(&chain).copied() else { continue };
            let known = self.facts(&chain).and_then(|facts| facts.head);
            let same = known == Some(claimed);
            if !same && known.is_none_or(|(seq, _)| claimed.0 >= seq) {
                self.store.put(&format!("claimed-head/{}", chain.hex()), &(claimed, by));
                self.live.chains.remove(&chain);
            }
        }
    }

    /// The server showed a chain: whether it shows as much as others have seen of it.
    pub(super) fn compare_heads(&mut self, facts: &Facts) {
        let key = format!("claimed-head/{}", facts.chain.hex());
        let Some(((seq, id), by)) = self.store.get::<((u64, Hash), KeyId)>(&key) else { return };
        let shown = facts.head.unwrap_or((0, id));
        if shown.0 < seq || (shown.0 == seq && shown.1 != id) {
            self.store.put(&format!("evidence/{}/{seq}", facts.chain.hex()), &(id, by));
            self.tell(Notice::Hidden { chain: facts.chain, seen_by: by });
        }
        self.store.delete(&key);
    }
}

fn seen(peer: &KeyId, by: &KeyId, id: &Id) -> String {
    format!("seen/{}/{}/{id}", peer.hex(), by.hex())
}
