//! IndexedDB. Every piece of work opens its database anew and closes it, so that what is read is what was kept.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction};

/// A database with stores that hold records under keys of their own choice.
#[derive(Clone, Copy)]
pub(crate) struct Database {
    /// Its name on this origin.
    pub(crate) name: &'static str,
    /// Its stores, made together with it.
    pub(crate) stores: &'static [&'static str],
}

/// Why nothing could be kept, or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StorageFault {
    /// The browser has no databases for this page, as in some private windows.
    None,
    /// A call that browsers have failed in this one.
    Failed,
}

impl From<JsValue> for StorageFault {
    fn from(_: JsValue) -> Self {
        StorageFault::Failed
    }
}

const VERSION: u32 = 1;

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
        let completed = event(&transaction, "oncomplete", &["onabort", "onerror"])?;
        Ok(Work { open, transaction, completed })
    }

    async fn open(self) -> Result<IdbDatabase, StorageFault> {
        // Some private modes have no factory, some refuse to open a database.
        let factory = web_sys::window().and_then(|window| window.indexed_db().ok().flatten());
        let request = factory.ok_or(StorageFault::None)?.open_with_u32(self.name, VERSION);
        let request = request.map_err(|_| StorageFault::None)?;
        let upgrade = Closure::once_into_js({
            let request = request.clone();
            move || self.create(&request)
        });
        request.set_onupgradeneeded(Some(upgrade.unchecked_ref()));
        settled(&request).await.and_then(JsValue::dyn_into).map_err(|_| StorageFault::None)
    }

    fn create(self, request: &IdbOpenDbRequest) -> Result<(), JsValue> {
        let database: IdbDatabase = request.result()?.unchecked_into();
        self.stores.iter().try_for_each(|store| database.create_object_store(store).map(drop))
    }
}

/// A transaction. Whoever has it waits for requests of its own and for nothing else, or the browser ends it.
pub(crate) struct Work {
    open: IdbDatabase,
    transaction: IdbTransaction,
    completed: Promise,
}

impl Work {
    /// A store.
    pub(crate) fn store(&self, name: &str) -> Result<IdbObjectStore, StorageFault> {
        Ok(self.transaction.object_store(name)?)
    }

    /// Waits until the disk has what was changed.
    pub(crate) async fn completed(self) -> Result<(), StorageFault> {
        JsFuture::from(self.completed.clone()).await?;
        Ok(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.open.close();
    }
}

/// The result of a request that was made just now.
pub(crate) async fn settled(request: &IdbRequest) -> Result<JsValue, JsValue> {
    JsFuture::from(event(request, "onsuccess", &["onerror", "onblocked"])?).await?;
    request.result()
}

/// A plain JavaScript object with these members.
pub(crate) fn object(members: &[(&str, &JsValue)]) -> Result<Object, JsValue> {
    let object = Object::new();
    for (name, value) in members {
        Reflect::set(&object, &(*name).into(), value)?;
    }
    Ok(object)
}

/// A member of an object.
pub(crate) fn member(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok()
}

/// A transaction; one that writes completes only when the disk has it. The bindings have no stable call for the option.
fn transaction(database: &IdbDatabase, stores: &[&str], mode: &str) -> Result<IdbTransaction, JsValue> {
    let options = object(&[("durability", &"strict".into())])?;
    let method: Function = Reflect::get(database, &"transaction".into())?.dyn_into()?;
    let stores: Array = stores.iter().map(|store| JsValue::from(*store)).collect();
    method.apply(database, &Array::of3(&stores, &mode.into(), &options))?.dyn_into()
}

/// The first of the events of a request or a transaction.
fn event(target: &JsValue, good: &str, bad: &[&str]) -> Result<Promise, JsValue> {
    let mut failed = None;
    let promise = Promise::new(&mut |resolve, reject| {
        let handlers = bad.iter().map(|name| (*name, &reject)).chain([(good, &resolve)]);
        for (name, handler) in handlers {
            failed = failed.take().or(Reflect::set(target, &name.into(), handler).err());
        }
    });
    failed.map_or(Ok(promise), Err)
}
