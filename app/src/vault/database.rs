//! One record in IndexedDB. Every call opens the database anew and closes it, so that what is read is what was kept.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction, IdbTransactionMode};

use super::Fault;
use super::device::object;

const DATABASE: &str = "kez-chat";
const VERSION: u32 = 1;
const STORE: &str = "identity";
/// A browser holds one identity.
const KEY: &str = "current";

/// The record, or `undefined`.
pub(super) async fn read() -> Result<JsValue, Fault> {
    let database = open().await?;
    let transaction = database.transaction_with_str_and_mode(STORE, IdbTransactionMode::Readonly)?;
    let record = settled(&transaction.object_store(STORE)?.get(&KEY.into())?).await;
    database.close();
    Ok(record?)
}

/// Writes the first record; fails if there is one, so that two tabs cannot overwrite each other's key.
pub(super) async fn insert(record: &JsValue) -> Result<(), Fault> {
    write(|store| store.add_with_key(record, &KEY.into())).await
}

/// Writes over the record.
pub(super) async fn replace(record: &JsValue) -> Result<(), Fault> {
    write(|store| store.put_with_key(record, &KEY.into())).await
}

/// Removes the record.
pub(super) async fn remove() -> Result<(), Fault> {
    write(|store| store.delete(&KEY.into())).await
}

async fn write(change: impl FnOnce(&IdbObjectStore) -> Result<IdbRequest, JsValue>) -> Result<(), Fault> {
    let database = open().await?;
    let transaction = durable_transaction(&database)?;
    let changed = async {
        change(&transaction.object_store(STORE)?)?;
        event(&transaction, "oncomplete", &["onabort", "onerror"]).await.map(drop)
    };
    let changed = changed.await;
    database.close();
    Ok(changed?)
}

/// A transaction that completes only when the disk has it. The bindings have no stable call for the option.
fn durable_transaction(database: &IdbDatabase) -> Result<IdbTransaction, Fault> {
    let options = object(&[("durability", &"strict".into())])?;
    let method: Function = Reflect::get(database, &"transaction".into())?.dyn_into()?;
    let arguments = Array::of3(&STORE.into(), &"readwrite".into(), &options);
    Ok(method.apply(database, &arguments)?.dyn_into()?)
}

async fn open() -> Result<IdbDatabase, Fault> {
    // Some private modes have no factory, some refuse to open a database.
    let factory = web_sys::window().and_then(|window| window.indexed_db().ok().flatten()).ok_or(Fault::NoStorage)?;
    let request = factory.open_with_u32(DATABASE, VERSION).map_err(|_| Fault::NoStorage)?;
    let upgrade = Closure::once_into_js({
        let request = request.clone();
        move || create_store(&request)
    });
    request.set_onupgradeneeded(Some(upgrade.unchecked_ref()));
    let database = settled(&request).await.map_err(|_| Fault::NoStorage)?;
    Ok(database.dyn_into()?)
}

fn create_store(request: &IdbOpenDbRequest) -> Result<(), JsValue> {
    request.result()?.unchecked_into::<IdbDatabase>().create_object_store(STORE).map(drop)
}

/// The result of a request that was made just now.
async fn settled(request: &IdbRequest) -> Result<JsValue, JsValue> {
    event(request, "onsuccess", &["onerror", "onblocked"]).await?;
    request.result()
}

/// Waits for one of the events of a request or a transaction.
async fn event(target: &JsValue, good: &str, bad: &[&str]) -> Result<JsValue, JsValue> {
    let mut failed = None;
    let promise = Promise::new(&mut |resolve, reject| {
        let handlers = bad.iter().map(|name| (*name, &reject)).chain([(good, &resolve)]);
        for (name, handler) in handlers {
            failed = failed.take().or(Reflect::set(target, &name.into(), handler).err());
        }
    });
    match failed {
        Some(error) => Err(error),
        None => JsFuture::from(promise).await,
    }
}
