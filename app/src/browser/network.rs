//! Whether the device has a network, and hearing of it.

use js_sys::Function;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;

/// Whether the browser has a network. That it has one does not mean that anything is reached through it.
pub(crate) fn is_online() -> bool {
    web_sys::window().is_none_or(|window| window.navigator().on_line())
}

/// Hears an event of the window until it is dropped.
pub(crate) struct Listener {
    event: &'static str,
    handler: Closure<dyn FnMut()>,
}

impl Listener {
    /// Calls `handler` at every `event`.
    pub(crate) fn new(event: &'static str, handler: impl FnMut() + 'static) -> Self {
        let handler = Closure::<dyn FnMut()>::new(handler);
        if let Some(window) = web_sys::window() {
            // A window takes every listener.
            let _added = window.add_event_listener_with_callback(event, handler.as_ref().unchecked_ref());
        }
        Listener { event, handler }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            let handler: &Function = self.handler.as_ref().unchecked_ref();
            let _removed = window.remove_event_listener_with_callback(self.event, handler);
        }
    }
}
