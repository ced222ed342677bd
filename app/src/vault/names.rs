//! What a person calls the devices of their identity. It stays in this browser, and is sealed like the seed.

use kez_core::canonical::{self, Json, object};
use kez_core::{KeyId, Sorted};

use super::record::Record;
use super::seal::{Domain, seal_as, unseal_as};
use super::{Fault, current, database, device};

/// The longest name of a device, in characters.
const MAX_NAME: usize = 40;

/// The names of devices, by their keys, for whoever holds the key of `id`.
pub(crate) async fn names(id: &KeyId) -> Result<Sorted<KeyId, String>, Fault> {
    let record = current(id).await?;
    let Some(sealed) = &record.sealed_names else { return Ok(Sorted::default()) };
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
    let record = current(id).await?;
    let data_key = device::unwrap(id, &record.device).await?;
    let members = object(names.into_iter().map(|(key, name)| (key.to_string(), Json::String(name))));
    let plain = zeroize::Zeroizing::new(Json::Object(members).to_canonical());
    let sealed_names = Some(seal_as(Domain::Names, id, &plain, &data_key)?);
    database::replace(&Record { sealed_names, ..record }.to_js()?).await
}
