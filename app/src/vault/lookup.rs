//! Finding records.

use kez_core::KeyId;

use super::database::{self, Slot};
use super::fault::Fault;
use super::record::Record;

/// The record in `slot`, if there is one.
pub(super) async fn load_record(slot: Slot) -> Result<Option<Record>, Fault> {
    let record = database::read(slot).await?;
    if record.is_undefined() { Ok(None) } else { Record::from_js(&record).map(Some) }
}

/// The record of `id`, if it is still there.
pub(super) async fn find(id: &KeyId) -> Result<(Slot, Record), Fault> {
    for slot in [Slot::Current, Slot::Next] {
        match load_record(slot).await? {
            Some(record) if record.identity.key == *id => return Ok((slot, record)),
            _ => {}
        }
    }
    Err(Fault::Changed)
}
