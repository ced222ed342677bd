//! The page that the islands live in.

use js_sys::Reflect;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, ScrollIntoViewOptions, ScrollLogicalPosition};

/// The text that the element with this id shows.
pub(crate) fn text_of(id: &str) -> Option<String> {
    element(id)?.text_content()
}

/// Puts `markup` into the element with this id. If the keyboard was at a part of it that is still there, it stays.
pub(crate) fn draw(id: &str, markup: &str) {
    let Some(element) = element(id) else { return };
    let active = web_sys::window().and_then(|window| window.document()?.active_element());
    let active = active.filter(|active| element.contains(Some(active))).map(|active| active.id());
    element.set_inner_html(markup);
    remember(&element, &JsValue::UNDEFINED);
    if let Some(id) = active {
        focus(&id);
    }
}

/// Puts `text` into the element with this id, unless it is there: what is announced is announced once, also where the
/// page is translated and the element says it in other words by now. Empty elements are marked `data-empty`.
pub(crate) fn tell(id: &str, text: &str) {
    let Some(element) = element(id) else { return };
    let told = Reflect::get(&element, &TOLD.into()).ok().and_then(|told| told.as_string());
    if told.or_else(|| element.text_content()).as_deref() != Some(text) {
        element.set_text_content(Some(text));
        remember(&element, &text.into());
        mark(id, "data-empty", text.is_empty().then_some(""));
    }
}

/// Where an element keeps what it was told.
const TOLD: &str = "kezTold";

fn remember(element: &Element, told: &JsValue) {
    // Elements take properties of any name.
    let _set = Reflect::set(element, &TOLD.into(), told);
}

/// Sets an attribute of the element with this id, or removes it.
pub(crate) fn mark(id: &str, name: &str, value: Option<&str>) {
    if let Some(element) = element(id) {
        // The names are good ones.
        let _set = match value {
            Some(value) => element.set_attribute(name, value),
            None => element.remove_attribute(name),
        };
    }
}

/// An attribute of the element with this id.
pub(crate) fn attribute(id: &str, name: &str) -> Option<String> {
    element(id)?.get_attribute(name)
}

/// Calls `pressed` with every button that is pressed inside the element with this id, for as long as the page is there.
pub(crate) fn on_press(id: &str, mut pressed: impl FnMut(Element) + 'static) {
    let heard = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if let Some(button) = target.and_then(|target| target.closest("button").ok().flatten()) {
            pressed(button);
        }
    });
    if let Some(element) = element(id) {
        // An element takes every listener.
        let _added = element.add_event_listener_with_callback("click", heard.into_js_value().unchecked_ref());
    }
}

/// Calls `submitted` when the form with this id is, which sends nothing by itself.
pub(crate) fn on_submit(id: &str, mut submitted: impl FnMut() + 'static) {
    let heard = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        event.prevent_default();
        submitted();
    });
    if let Some(element) = element(id) {
        // An element takes every listener.
        let _added = element.add_event_listener_with_callback("submit", heard.into_js_value().unchecked_ref());
    }
}

/// Calls `happened` at every event of this kind at the element with this id, for as long as the page is there.
pub(crate) fn on(id: &str, event: &str, happened: impl FnMut() + 'static) {
    let heard = Closure::<dyn FnMut()>::new(happened);
    if let Some(element) = element(id) {
        // An element takes every listener.
        let _added = element.add_event_listener_with_callback(event, heard.into_js_value().unchecked_ref());
    }
}

/// What was typed into the field with this id.
pub(crate) fn value_of(id: &str) -> String {
    let value = element(id).and_then(|field| Reflect::get(&field, &"value".into()).ok()?.as_string());
    value.unwrap_or_default()
}

/// Whether the box with this id is ticked.
pub(crate) fn is_checked(id: &str) -> bool {
    element(id).and_then(|field| field.dyn_into::<HtmlInputElement>().ok()).is_some_and(|field| field.checked())
}

/// Puts this text into the field with this id.
pub(crate) fn put(id: &str, text: &str) {
    if let Some(field) = element(id) {
        // Every field has a value that can be set.
        let _set = Reflect::set(&field, &"value".into(), &text.into());
    }
}

/// Scrolls as far as it takes to see the element with this id, and no further.
pub(crate) fn reveal(id: &str) {
    if let Some(element) = element(id) {
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Nearest);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// Moves the keyboard to the element with this id, so that what opened is what is read next.
pub(crate) fn focus(id: &str) {
    if let Some(element) = element(id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot take it leaves the keyboard where it was.
        let _taken = element.focus();
    }
}

/// Puts `text` on the clipboard; whether the browser let us.
pub(crate) async fn copy(text: &str) -> bool {
    let Some(window) = web_sys::window() else { return false };
    let clipboard = window.navigator().clipboard();
    // Outside secure contexts there is none, whatever the bindings' types say.
    if AsRef::<JsValue>::as_ref(&clipboard).is_undefined() {
        return false;
    }
    JsFuture::from(clipboard.write_text(text)).await.is_ok()
}

fn element(id: &str) -> Option<Element> {
    web_sys::window()?.document()?.get_element_by_id(id)
}
