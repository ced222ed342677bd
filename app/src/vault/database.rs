//! The records of the vault.

use wasm_bindgen::JsValue;

use super::fault::Fault;
use crate::browser::{Database, StorageFault, settled};

const STORE: &str = "identity";
const DATABASE: Database = Database { name: "kez-chat", stores: &[STORE] };

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The identity: a browser holds one.
    Current,
    /// A key that is to take the place of that one, once its identity takes it.
    Next,
}

impl Slot {
    fn key(self) -> JsValue {
        match self {
            Slot::Current => "current",
            Slot::Next => "next",
        }
        .into()
    }
}

/// The record, or `undefined`.
pub(super) async fn read(slot: Slot) -> Result<JsValue, Fault> {
    let work = DATABASE.read().await?;
    let request = work.store(STORE)?.get(&slot.key()).map_err(StorageFault::from)?;
    Ok(settled(&request).await?)
}

/// Writes the first record; fails if there is one, so that two tabs cannot overwrite each other's key.
pub(super) async fn insert(slot: Slot, record: &JsValue) -> Result<(), Fault> {
    let work = DATABASE.write().await?;
    work.store(STORE)?.add_with_key(record, &slot.key()).map_err(StorageFault::from)?;
    Ok(work.completed().await?)
}

/// Writes over the record.
pub(super) async fn replace(slot: Slot, record: &JsValue) -> Result<(), Fault> {
    let work = DATABASE.write().await?;
    work.store(STORE)?.put_with_key(record, &slot.key()).map_err(StorageFault::from)?;
    Ok(work.completed().await?)
}

/// Writes over the identity, and removes what was to take its place: all of it, or nothing.
pub(super) async fn settle(record: &JsValue) -> Result<(), Fault> {
    let work = DATABASE.write().await?;
    work.store(STORE)?.put_with_key(record, &Slot::Current.key()).map_err(StorageFault::from)?;
    work.store(STORE)?.delete(&Slot::Next.key()).map_err(StorageFault::from)?;
    Ok(work.completed().await?)
}

/// Removes all records.
pub(super) async fn clear() -> Result<(), Fault> {
    let work = DATABASE.write().await?;
    work.store(STORE)?.clear().map_err(StorageFault::from)?;
    Ok(work.completed().await?)
}
