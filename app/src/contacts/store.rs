//! Contacts in IndexedDB, beside the vault: who asked, and which requests were seen.

use js_sys::{Array, Reflect};
use kez_core::contact_request::{MAX_AGE_SECS, Received};
use kez_core::{Handle, KeyId, Timestamp};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::IdbKeyRange;

use super::person::{Person, Standing, Taken};
use crate::browser::{Database, StorageFault, member, object, settled};

/// Requests that were shown, under `<created_at, unix seconds, 12 digits>:<envelope id>`, so that old ones are in front.
const SEEN: &str = "seen";
/// People, under `<own key>/<their key>`.
const PEOPLE: &str = "people";
const DATABASE: Database = Database { name: "kez-chat-contacts", stores: &[SEEN, PEOPLE] };

/// Everybody who asked the identity `me`, the last to ask first.
pub(super) async fn people(me: &KeyId) -> Result<Vec<Person>, StorageFault> {
    let work = DATABASE.read().await?;
    let records = Array::from(&settled(&work.store(PEOPLE)?.get_all()?).await?);
    let mine = me.to_string();
    let mut people = Vec::new();
    for record in records {
        if member(&record, "me").and_then(|me| me.as_string()).as_ref() == Some(&mine) {
            let Some(person) = from_js(&record) else { continue };
            // A library's sort is larger than all else here.
            let before = people.iter().position(|other: &Person| other.last_at < person.last_at);
            people.insert(before.unwrap_or(people.len()), person);
        }
    }
    Ok(people)
}

/// Whether the owner of `me` decided on `from` already.
pub(super) async fn is_settled(me: &KeyId, from: &KeyId) -> Result<bool, StorageFault> {
    let work = DATABASE.read().await?;
    let person = from_js(&settled(&work.store(PEOPLE)?.get(&place(me, from))?).await?);
    Ok(person.is_some_and(|person| person.standing != Standing::Asking))
}

/// Takes a verified request to `me`, once for each envelope. `handle` is the sender's.
pub(super) async fn take(
    me: &KeyId,
    request: &Received,
    handle: &Handle,
    now: Timestamp,
) -> Result<Taken, StorageFault> {
    let (place, seen_at) = (place(me, &request.from), seen_at(request.created_at, &request.id.to_string()));
    let work = DATABASE.write().await?;
    let (seen, people) = (work.store(SEEN)?, work.store(PEOPLE)?);
    let known = from_js(&settled(&people.get(&place)?).await?);
    if !settled(&seen.get(&seen_at)?).await?.is_undefined() {
        return Ok(Taken::Settled);
    }
    let mut person = known.unwrap_or_else(|| Person::new(request.from, handle.clone(), now));
    let taken = person.take(now);
    if taken == Taken::Shown {
        seen.put_with_key(&JsValue::TRUE, &seen_at)?;
    }
    if taken != Taken::Settled {
        people.put_with_key(&to_js(me, &person)?, &place)?;
    }
    work.completed().await?;
    Ok(taken)
}

/// Notes a decision on somebody.
pub(super) async fn decide(me: &KeyId, from: &KeyId, standing: Standing) -> Result<(), StorageFault> {
    let place = place(me, from);
    let work = DATABASE.write().await?;
    let people = work.store(PEOPLE)?;
    if let Some(person) = from_js(&settled(&people.get(&place)?).await?) {
        people.put_with_key(&to_js(me, &Person { standing, ..person })?, &place)?;
    }
    work.completed().await
}

/// Forgets which requests were seen that are too old to be taken again.
pub(super) async fn forget_old(now: Timestamp) -> Result<(), StorageFault> {
    #[expect(clippy::cast_possible_wrap, reason = "90 days fit")]
    let oldest = Timestamp::from_unix(now.unix() - MAX_AGE_SECS as i64);
    let range = IdbKeyRange::upper_bound(&seen_at(oldest, ""))?;
    let work = DATABASE.write().await?;
    work.store(SEEN)?.delete(&range)?;
    work.completed().await
}

/// Forgets everything.
pub(super) async fn clear() -> Result<(), StorageFault> {
    let work = DATABASE.write().await?;
    work.store(SEEN)?.clear()?;
    work.store(PEOPLE)?.clear()?;
    work.completed().await
}

fn place(me: &KeyId, from: &KeyId) -> JsValue {
    format!("{me}/{from}").into()
}

fn seen_at(created_at: Timestamp, id: &str) -> JsValue {
    format!("{:012}:{id}", created_at.unix()).into()
}

fn to_js(me: &KeyId, person: &Person) -> Result<JsValue, JsValue> {
    #[expect(clippy::cast_precision_loss, reason = "unix seconds are exact for longer than anybody keeps this")]
    let recent: Array = person.recent.iter().map(|at| JsValue::from(*at as f64)).collect();
    let record = object(&[
        ("me", &me.to_string().into()),
        ("key", &person.key.to_string().into()),
        ("handle", &person.handle.as_str().into()),
        ("standing", &person.standing.as_str().into()),
        ("shown", &person.shown.into()),
        ("hidden", &person.hidden.into()),
        ("last_at", &person.last_at.to_string().into()),
        ("recent", &recent),
    ])?;
    Ok(record.into())
}

fn from_js(record: &JsValue) -> Option<Person> {
    let text = |name| member(record, name)?.as_string();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count that was written here")]
    let count = |name| Some(member(record, name)?.as_f64()? as u32);
    let recent: Array = Reflect::get(record, &"recent".into()).ok()?.dyn_into().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "unix seconds that were written here")]
    let recent = recent.iter().filter_map(|at| Some(at.as_f64()? as i64)).collect();
    Some(Person {
        key: text("key")?.parse().ok()?,
        handle: text("handle")?.parse().ok()?,
        standing: Standing::parse(&text("standing")?)?,
        shown: count("shown")?,
        hidden: count("hidden")?,
        last_at: text("last_at")?.parse().ok()?,
        recent,
    })
}
