//! The browser's clock.

use js_sys::Promise;
use kez_core::Timestamp;
use wasm_bindgen_futures::JsFuture;

/// Now, by the browser's clock. People's clocks are off at times; the server says so and by how much.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit i64 for the clock's whole range")]
    Timestamp::from_unix((js_sys::Date::now() / 1000.0) as i64)
}

/// Waits. Returns early, and at once, where there is no window to wait in.
pub(crate) async fn sleep(millis: i32) {
    let timer = Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            // A timer that cannot be set leaves the promise to its fate: the page is going away.
            let _id = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, millis);
        }
    });
    // The promise is never rejected.
    let _resolved = JsFuture::from(timer).await;
}
