//! Getting something out of the page, onto paper or into a file; and the page's address.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, BlobPropertyBag, Event, HtmlAnchorElement, Url};

/// Opens the browser's dialogue for printing the page.
pub(crate) fn print() {
    if let Some(window) = web_sys::window() {
        // A browser without a printer says so itself.
        let _printed = window.print();
    }
}

/// Has the browser save `text` as a file; whether it took it.
pub(crate) fn download(name: &str, text: &str) -> bool {
    try_download(name, text).is_ok()
}

fn try_download(name: &str, text: &str) -> Result<(), JsValue> {
    let bytes = Uint8Array::from(text.as_bytes());
    let options = BlobPropertyBag::new();
    options.set_type("text/plain;charset=utf-8");
    let blob = Blob::new_with_u8_array_sequence_and_options(&Array::of1(&bytes), &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::UNDEFINED)?;
    let link: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    Url::revoke_object_url(&url)?;
    // The browser has its own copy by now.
    bytes.fill(0, 0, bytes.length());
    Ok(())
}

/// The page's origin.
pub(crate) fn origin() -> Option<String> {
    web_sys::window()?.location().origin().ok()
}

/// What stands behind the `#` of the page's address.
pub(crate) fn fragment() -> String {
    let location = web_sys::window().map(|window| window.location());
    let hash = location.and_then(|location| location.hash().ok()).unwrap_or_default();
    hash.trim_start_matches('#').to_owned()
}

/// Calls `changed` whenever that changes, for as long as the page is there.
pub(crate) fn on_fragment(changed: impl FnMut() + 'static) {
    on_window("hashchange", changed);
}

/// Calls `happened` at every event of this kind at the window, for as long as the page is there.
pub(crate) fn on_window(event: &str, happened: impl FnMut() + 'static) {
    let heard = Closure::<dyn FnMut()>::new(happened);
    if let Some(window) = web_sys::window() {
        // A window takes every listener.
        let _added = window.add_event_listener_with_callback(event, heard.into_js_value().unchecked_ref());
    }
}

/// Has the browser ask the person before the page is left, whenever `asks` says so.
pub(crate) fn on_leaving(asks: impl Fn() -> bool + 'static) {
    let heard = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        if asks() {
            event.prevent_default();
        }
    });
    if let Some(window) = web_sys::window() {
        // A window takes every listener.
        let _added = window.add_event_listener_with_callback("beforeunload", heard.into_js_value().unchecked_ref());
    }
}
