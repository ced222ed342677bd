//! What a person calls the devices of their identity. It stays in this browser, and is sealed like the seed.

use kez_core::canonical::{self, Json, object};
use kez_core::{KeyId, Sorted};

use super::fault::Fault;
use super::lookup::find;
use super::record::Record;
use super::seal::{Domain, seal_as, unseal_as};
use super::{database, device};

/// The longest name of a device, in characters.
const MAX_NAME: usize = 40;

/// Names of devices, by their keys.
pub(super) type Names = Sorted<KeyId, String>;

/// The names of devices, for whoever holds the key of `id`.
pub(crate) async fn names(id: &KeyId) -> Result<Names, Fault> {
    let (_, record) = find(id).await?;
    let Some(sealed) = &record.sealed_names else { return Ok(Names::default()) };
    let data_key = device::unwrap(id, &record.device).await?;
    let Ok(Json::Object(members)) = canonical::parse(&unseal_as(Domain::Names, id, sealed, &data_key)?) else {
        return Err(Fault::Damaged);
    };
    let read = |(key, name): (String, Json)| match name {
        Json::String(name) => Some((key.parse().ok()?, name)),
        _ => None,
    };
    members.into_iter().map(|member| read(member).ok_or(Fault::Damaged)).collect()
}

/// Calls the device with the key `which` by this name; an empty one takes its name away.
pub(crate) async fn name_devices(id: &KeyId, which: KeyId, name: &str) -> Result<(), Fault> {
    let mut names = names(id).await?;
    match name.trim().chars().take(MAX_NAME).collect::<String>() {
        name if name.is_empty() => drop(names.remove(&which)),
        name => drop(names.insert(which, name)),
    }
    keep(id, names).await
}

/// Keeps all names, for whoever holds the key of `id`.
pub(super) async fn keep(id: &KeyId, names: Names) -> Result<(), Fault> {
    let (slot, record) = find(id).await?;
    let data_key = device::unwrap(id, &record.device).await?;
    let members = object(names.into_iter().map(|(key, name)| (key.to_string(), Json::String(name))));
    let plain = zeroize::Zeroizing::new(Json::Object(members).to_canonical());
    let sealed_names = Some(seal_as(Domain::Names, id, &plain, &data_key)?);
    database::replace(slot, &Record { sealed_names, ..record }.to_js()?).await
}
