//! What identities are called, as the home server proved it last; and who asked to talk.

use kez_conversation::Batch;
use kez_core::{Hash, KeyId, Timestamp};
use serde::{Deserialize, Serialize};

use super::lines::Who;
use super::records::Records;

/// Requests that are kept; the oldest goes when there is another one.
const MOST: usize = 256;
/// Requests that are remembered after they were dealt with.
const MOST_TAKEN: usize = 1_024;

/// A contact request that nobody answered yet.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) at: Timestamp,
}

fn name_of(chain: &KeyId) -> String {
    format!("name/{}", chain.hex())
}

fn request_of(chain: &KeyId) -> String {
    format!("request/{}", chain.hex())
}

/// Remembers a handle, and that their request, if there is one, is answered.
pub(super) fn known(chain: &KeyId, handle: &str) -> Batch {
    let name = (name_of(chain), Some(handle.as_bytes().to_vec().into()));
    Batch([name, (request_of(chain), None)].into())
}

/// Remembers a handle.
pub(super) fn named(chain: &KeyId, handle: &str) -> Batch {
    Batch([(name_of(chain), Some(handle.as_bytes().to_vec().into()))].into())
}

/// Remembers that somebody asks.
pub(super) fn asks(records: &Records, chain: &KeyId, handle: Option<&str>, at: Timestamp) -> Batch {
    let mut batch = handle.map_or_else(Batch::default, |handle| named(chain, handle));
    let value = serde_json::to_vec(&Request { at }).unwrap_or_default();
    batch.0.insert(request_of(chain), Some(value.into()));
    let mut kept = requests(records);
    kept.retain(|(other, _)| other != chain);
    kept.sort_by_key(|(_, request)| request.at);
    for (oldest, _) in kept.iter().take((kept.len() + 1).saturating_sub(MOST)) {
        batch.0.insert(request_of(oldest), None);
        batch.0.insert(name_of(oldest), None);
    }
    batch
}

/// Whether this request was dealt with before.
pub(super) fn was_taken(records: &Records, id: &Hash) -> bool {
    records.ours(&taken_of(id)).is_some()
}

/// Remembers that a request is dealt with: the broker delivers one again whose acknowledgement it did not hear.
pub(super) fn taken(records: &Records, id: &Hash, now: Timestamp) -> Batch {
    let value = |at: &Timestamp| serde_json::to_vec(at).unwrap_or_default();
    let mut batch = Batch([(taken_of(id), Some(value(&now).into()))].into());
    let kept = records.of_ours("taken/");
    let mut kept: Vec<(&str, Option<Timestamp>)> =
        kept.map(|(name, at)| (name, serde_json::from_slice(at).ok())).collect();
    kept.sort_by_key(|(_, at)| *at);
    let surplus = (kept.len() + 1).saturating_sub(MOST_TAKEN);
    batch.0.extend(kept.iter().take(surplus).map(|(name, _)| ((*name).to_owned(), None)));
    batch
}

fn taken_of(id: &Hash) -> String {
    format!("taken/{id}")
}

/// Who asks.
pub(super) fn requests(records: &Records) -> Vec<(KeyId, Request)> {
    let requests = records.of_ours("request/");
    requests
        .filter_map(|(name, value)| {
            let chain = KeyId::from_parts("ed25519", name.strip_prefix("request/")?).ok()?;
            Some((chain, serde_json::from_slice(value).ok()?))
        })
        .collect()
}

/// Whether an identity asks.
pub(super) fn has_asked(records: &Records, chain: &KeyId) -> bool {
    records.ours(&request_of(chain)).is_some()
}

/// Who was called that when it was proven last.
pub(super) fn of_handle(records: &Records, handle: &str) -> Option<KeyId> {
    let mut names = records.of_ours("name/");
    let (name, _) = names.find(|(_, known)| *known == handle.as_bytes())?;
    KeyId::from_parts("ed25519", name.strip_prefix("name/")?).ok()
}

/// An identity with its handle, where one was proven.
pub(super) fn who(records: &Records, chain: &KeyId) -> Who {
    let handle = records.ours(&name_of(chain)).and_then(|name| std::str::from_utf8(name).ok());
    Who { chain: *chain, handle: handle.map(str::to_owned) }
}
