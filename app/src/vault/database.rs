//! The one record of the vault.

use wasm_bindgen::JsValue;

use super::Fault;
use crate::browser::{Database, StorageFault, settled};

const STORE: &str = "identity";
const DATABASE: Database = Database { name: "kez-chat", stores: &[STORE] };
/// A browser holds one identity.
const KEY: &str = "current";

impl From<StorageFault> for Fault {
    fn from(fault: StorageFault) -> Self {
        match fault {
            StorageFault::None => Fault::NoStorage,
            StorageFault::Failed => Fault::Browser,
        }
    }
}

/// The record, or `undefined`.
pub(super) async fn read() -> Result<JsValue, Fault> {
    let work = DATABASE.read().await?;
    Ok(settled(&work.store(STORE)?.get(&KEY.into())?).await?)
}

/// Writes the first record; fails if there is one, so that two tabs cannot overwrite each other's key.
pub(super) async fn insert(record: &JsValue) -> Result<(), Fault> {
    let work = DATABASE.write().await?;
    work.store(STORE)?.add_with_key(record, &KEY.into())?;
    Ok(work.completed().await?)
}

/// Writes over the record.
pub(super) async fn replace(record: &JsValue) -> Result<(), Fault> {
    let work = DATABASE.write().await?;
    work.store(STORE)?.put_with_key(record, &KEY.into())?;
    Ok(work.completed().await?)
}

/// Removes the record.
pub(super) async fn remove() -> Result<(), Fault> {
    let work = DATABASE.write().await?;
    work.store(STORE)?.delete(&KEY.into())?;
    Ok(work.completed().await?)
}
