//! IndexedDB. Every piece of work opens its database anew and closes it, so that what is read is what was kept. Browsers
//! have been seen to answer nothing at all, so nothing here is waited for without an end.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction};

use super::object::object;
use super::storage_fault::StorageFault;

/// A database with stores that hold records under keys of their own choice.
#[derive(Clone, Copy)]
pub(crate) struct Database {
    /// Its name on this origin.
    pub(crate) name: &'static str,
    /// Its stores, made together with it.
    pub(crate) stores: &'static [&'static str],
}

const VERSION: u32 = 1;
/// Milliseconds in which a database that works has opened.
const OPENING: i32 = 5_000;
/// Milliseconds for all of a transaction: the disk may be busy.
const WORKING: i32 = 15_000;

impl Database {
    /// Begins to read all stores.
    pub(crate) async fn read(self) -> Result<Work, StorageFault> {
        self.begin("readonly").await
    }

    /// Begins to change all stores: all of it happens, or nothing.
    pub(crate) async fn write(self) -> Result<Work, StorageFault> {
        self.begin("readwrite").await
    }

    async fn begin(self, mode: &str) -> Result<Work, StorageFault> {
        let open = self.open().await?;
        let transaction = transaction(&open, self.stores, mode)?;
        // Listened for at once: it may complete as soon as its last request is answered.
        let completed = Some(event(&transaction, "oncomplete", &["onabort", "onerror"], WORKING)?);
        Ok(Work { open, transaction, completed })
    }

    async fn open(self) -> Result<IdbDatabase, StorageFault> {
        // Some private modes have no factory, some refuse to open a database.
        let factory = web_sys::window().and_then(|window| window.indexed_db().ok().flatten());
        let request = factory.ok_or(StorageFault::None)?.open_with_u32(self.name, VERSION)?;
        let upgrade = Closure::once_into_js({
            let request = request.clone();
            move || self.create(&request)
        });
        request.set_onupgradeneeded(Some(upgrade.unchecked_ref()));
        let opened = event(&request, "onsuccess", &["onerror", "onblocked"], OPENING)?.await;
        if opened.is_err() {
            // Nobody waits for it any more. Left open, it would be in the way of other tabs.
            let close = Closure::once_into_js({
                let request = request.clone();
                move || request.result().map(|late| late.unchecked_into::<IdbDatabase>().close())
            });
            request.set_onsuccess(Some(close.unchecked_ref()));
        }
        opened?;
        Ok(request.result()?.unchecked_into())
    }

    fn create(self, request: &IdbOpenDbRequest) -> Result<(), JsValue> {
        let database: IdbDatabase = request.result()?.unchecked_into();
        self.stores.iter().try_for_each(|store| database.create_object_store(store).map(drop))
    }
}

/// A transaction. Whoever has it waits for requests of its own and for nothing else, or the browser ends it. What is not
/// waited for to its end is undone.
pub(crate) struct Work {
    open: IdbDatabase,
    transaction: IdbTransaction,
    /// None once that was waited for.
    completed: Option<JsFuture>,
}

impl Work {
    /// A store.
    pub(crate) fn store(&self, name: &str) -> Result<IdbObjectStore, StorageFault> {
        Ok(self.transaction.object_store(name)?)
    }

    /// Waits until the disk has what was changed. After an error nothing was changed, and nothing will be.
    pub(crate) async fn completed(mut self) -> Result<(), StorageFault> {
        if let Some(completed) = &mut self.completed {
            completed.await?;
            self.completed = None;
        }
        Ok(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.completed.is_some() {
            // One that the browser ended itself cannot be ended again.
            let _aborted = self.transaction.abort();
        }
        self.open.close();
    }
}

/// The result of a request that was made just now.
pub(crate) async fn settled(request: &IdbRequest) -> Result<JsValue, StorageFault> {
    event(request, "onsuccess", &["onerror"], WORKING)?.await?;
    Ok(request.result()?)
}

/// A transaction; one that writes completes only when the disk has it. The bindings have no stable call for the option.
fn transaction(database: &IdbDatabase, stores: &[&str], mode: &str) -> Result<IdbTransaction, JsValue> {
    let options = object(&[("durability", &"strict".into())])?;
    let method: Function = Reflect::get(database, &"transaction".into())?.dyn_into()?;
    let stores: Array = stores.iter().map(|store| JsValue::from(*store)).collect();
    method.apply(database, &Array::of3(&stores, &mode.into(), &options))?.dyn_into()
}

/// The first of the events of a request or a transaction; undefined is thrown after so many milliseconds without one.
fn event(target: &JsValue, good: &str, bad: &[&str], millis: i32) -> Result<JsFuture, JsValue> {
    let mut failed = None;
    let promise = Promise::new(&mut |resolve, reject| {
        let handlers = bad.iter().map(|name| (*name, &reject)).chain([(good, &resolve)]);
        for (name, handler) in handlers {
            failed = failed.take().or(Reflect::set(target, &name.into(), handler).err());
        }
        if let Some(window) = web_sys::window() {
            // Without a timer the page is going away, and nobody waits.
            let _id = window.set_timeout_with_callback_and_timeout_and_arguments_0(&reject, millis);
        }
    });
    failed.map_or_else(|| Ok(JsFuture::from(promise)), Err)
}
