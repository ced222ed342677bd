//! The browser's clock.

use std::cell::Cell;

use js_sys::Promise;
use kez_core::Timestamp;
use kez_core::registration::CLOCK_SKEW_SECS;
use wasm_bindgen_futures::JsFuture;

thread_local! {
    /// Seconds by which the server's clock is ahead of the browser's, as far as the server was asked.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

/// Now, by the browser's clock. People's clocks are off at times; the server says so and by how much.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit i64 for the clock's whole range")]
    Timestamp::from_unix((js_sys::Date::now() / 1000.0) as i64)
}

/// Notes what time the server has.
pub(crate) fn set_server_time(time: Timestamp) {
    AHEAD.set(time.unix() - now().unix());
}

/// Now, by the server's clock, once it was asked for: what people send one another is dated by it, however their own clocks
/// go.
pub(crate) fn server_now() -> Timestamp {
    Timestamp::from_unix(now().unix() + AHEAD.get())
}

/// That the browser's clock is wrong, and by how much, once it is known to be.
pub(crate) fn wrong_clock() -> Option<String> {
    let ahead = AHEAD.get();
    let minutes = (ahead.unsigned_abs() + 30) / 60;
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    (ahead.unsigned_abs() > CLOCK_SKEW_SECS)
        .then(|| format!("This device's clock is {minutes} minutes {side} the server's. Set its date and time."))
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
