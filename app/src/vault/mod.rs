//! Where this browser keeps its identity: one key, whose seed is stored only sealed.
//!
//! A random data key seals the seed; slots wrap the data key, so far only `device`. Nothing secret leaves this module
//! except as a [`SigningKey`], for as long as a signature takes. After every write the record is read back through a
//! new connection, opened, and used for a signature that is verified, since some browsers lose such keys silently.

mod database;
mod device;
mod fault;
mod lookup;
mod names;
mod record;
mod seal;

use kez_core::registration::{Expected, Statement};
use kez_core::{Handle, KeyId, ServerName, SigningKey, Timestamp};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use self::database::Slot;
pub(crate) use self::fault::Fault;
use self::lookup::{find, load_record};
pub(crate) use self::names::{name_devices, names};
use self::record::Record;
pub(crate) use self::record::{Identity, Stage};
pub(crate) use self::seal::random;

/// What this browser holds, if anything. Its seed is not looked at.
pub(crate) async fn load() -> Result<Option<Identity>, Fault> {
    Ok(load_record(Slot::Current).await?.map(|record| record.identity))
}

/// Makes a key that wants `handle`; seals it, and proves that it can be used again.
pub(crate) async fn create(handle: Handle, stage: Stage, now: Timestamp) -> Result<Identity, Fault> {
    make(Slot::Current, handle, stage, now).await
}

/// A key for an identity that this browser does not hold yet: it waits until [`settle`] says that the identity took it. What
/// the browser holds stays until then. The same one is given again to whoever tries again.
pub(crate) async fn prepare(handle: Handle, now: Timestamp) -> Result<Identity, Fault> {
    let Some(waiting) = prepared().await? else {
        let slot = if load().await?.is_none() { Slot::Current } else { Slot::Next };
        return make(slot, handle, Stage::Joining, now).await;
    };
    let identity = Identity { handle, ..waiting };
    update(&identity).await?;
    Ok(identity)
}

/// The key that [`prepare`] made, while it waits.
pub(crate) async fn prepared() -> Result<Option<Identity>, Fault> {
    for slot in [Slot::Current, Slot::Next] {
        match load_record(slot).await? {
            Some(record) if record.identity.stage == Stage::Joining => return Ok(Some(record.identity)),
            _ => {}
        }
    }
    Ok(None)
}

/// The identity took the key that waited: this browser holds it from now on, and nothing else any more.
pub(crate) async fn settle(identity: &Identity) -> Result<(), Fault> {
    let (slot, record) = find(&identity.key).await?;
    let names = match load().await? {
        // What the person called the devices is theirs, whichever key this browser has.
        Some(before) if slot == Slot::Next => names(&before.key).await.unwrap_or_default(),
        _ => names::Names::default(),
    };
    database::settle(&Record { identity: identity.clone(), ..record }.to_js()?).await?;
    prove(identity).await?;
    if names.is_empty() { Ok(()) } else { names::keep(&identity.key, names).await }
}

/// Notes that the identity changed, in anything but its key.
pub(crate) async fn update(identity: &Identity) -> Result<(), Fault> {
    let (slot, record) = find(&identity.key).await?;
    database::replace(slot, &Record { identity: identity.clone(), ..record }.to_js()?).await?;
    prove(identity).await
}

/// Opens the key of `id`, to sign with it now.
pub(crate) async fn open(id: &KeyId) -> Result<SigningKey, Fault> {
    let (_, record) = find(id).await?;
    let data_key = device::unwrap(id, &record.device).await?;
    seal::unseal(id, &record.sealed_seed, &data_key)
}

/// Forgets the key of `id`, for good.
pub(crate) async fn forget(id: &KeyId) -> Result<(), Fault> {
    find(id).await?;
    database::clear().await?;
    if load().await?.is_some() { Err(Fault::Changed) } else { Ok(()) }
}

/// Reads everything back, opens the key, and verifies a signature of it. What is signed is a registration on a server
/// that cannot exist, so that the signature is of no use to anyone.
pub(crate) async fn prove(written: &Identity) -> Result<(), Fault> {
    match find(&written.key).await {
        Ok((_, record)) if record.identity == *written => {}
        Ok(_) | Err(Fault::Changed) => return Err(Fault::Damaged),
        Err(fault) => return Err(fault),
    }
    let key = open(&written.key).await?;
    let nowhere: ServerName = "vault-check.invalid".parse().map_err(|_| Fault::Damaged)?;
    let probe = Statement::registration(written.handle.clone(), nowhere.clone(), written.made_at).sign(&key);
    let expected = Expected { handle: &written.handle, primary: written.key, server: &nowhere };
    expected.verify(&probe).map(drop).map_err(|_| Fault::Damaged)
}

async fn make(slot: Slot, handle: Handle, stage: Stage, now: Timestamp) -> Result<Identity, Fault> {
    let key = SigningKey::from_seed(&*seal::random()?);
    let data_key = seal::random()?;
    let id = key.id();
    let identity = Identity { key: id, chain: id, primary: id, made_at: now, stage, handle, registered_at: None };
    let record = Record {
        sealed_seed: seal::seal(&key, &data_key)?,
        device: device::wrap(&identity.key, &data_key).await?,
        identity,
        sealed_names: None,
    };
    drop((key, data_key));
    if load_record(slot).await?.is_some() {
        return Err(Fault::Changed);
    }
    database::insert(slot, &record.to_js()?).await?;
    crate::task::spawn(ask_to_persist());
    prove(&record.identity).await?;
    Ok(record.identity)
}

/// Asks the browser not to clear this site's data when the disk gets full. It may ask the person and it may say no, so
/// nobody waits for the answer; the page says elsewhere that the key is in this browser only.
async fn ask_to_persist() {
    let Some(window) = web_sys::window() else { return };
    let storage = window.navigator().storage();
    if AsRef::<JsValue>::as_ref(&storage).is_undefined() {
        return;
    }
    if let Ok(asking) = storage.persist() {
        let _granted = JsFuture::from(asking).await;
    }
}
