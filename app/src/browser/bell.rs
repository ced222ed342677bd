//! Waiting that somebody can end.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Wakes whoever waits for it. Clones are the same bell.
#[derive(Clone, Default)]
pub(crate) struct Bell(Rc<RefCell<Option<Function>>>);

impl Bell {
    /// Wakes the one who waits; without one, nothing happens.
    pub(crate) fn ring(&self) {
        if let Some(resolve) = self.0.take() {
            // Resolving a promise does not throw.
            let _resolved = resolve.call0(&JsValue::UNDEFINED);
        }
    }

    /// Waits so many milliseconds, or for the bell; whether it rang.
    pub(crate) async fn wait(&self, millis: i32) -> bool {
        self.until(Some(millis)).await
    }

    /// Waits for the bell.
    pub(crate) async fn rung(&self) {
        self.until(None).await;
    }

    async fn until(&self, millis: Option<i32>) -> bool {
        let woken = Promise::new(&mut |resolve, _| {
            if let (Some(millis), Some(window)) = (millis, web_sys::window()) {
                // A timer that cannot be set leaves the promise to the bell: the page is going away.
                let _id = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, millis);
            }
            self.0.replace(Some(resolve));
        });
        // The promise is never rejected.
        let _woken = JsFuture::from(woken).await;
        self.0.take().is_none()
    }
}
