//! Requests to this page's own origin.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal, Headers, RequestCache, RequestInit, Response};

/// What the server answered, whatever it was.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body's bytes.
    pub(crate) body: Vec<u8>,
}

/// No answer came: the network is down, the server is, or the request was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offline;

impl From<JsValue> for Offline {
    fn from(_: JsValue) -> Self {
        Offline
    }
}

/// Aborts its requests when it is dropped, so that an answer that nobody waits for is not fetched to its end.
pub(crate) struct AbortOnDrop(AbortController);

impl AbortOnDrop {
    /// A guard, and the signal for the requests that it guards.
    pub(crate) fn new() -> Option<(AbortOnDrop, AbortSignal)> {
        let controller = AbortController::new().ok()?;
        let signal = controller.signal();
        Some((AbortOnDrop(controller), signal))
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// `GET path`, past the browser's cache: what is asked about may have changed a second ago.
pub(crate) async fn get(path: &str, abort: Option<&AbortSignal>) -> Result<Answer, Offline> {
    let init = RequestInit::new();
    init.set_signal(abort);
    init.set_cache(RequestCache::NoStore);
    send(path, &init).await
}

/// `POST path` with a JSON document.
pub(crate) async fn post_json(path: &str, json: &[u8]) -> Result<Answer, Offline> {
    send_json("POST", path, json, &[]).await
}

/// Sends a JSON document by this method, with more headers.
pub(crate) async fn send_json(method: &str, path: &str, json: &[u8], more: &[(&str, &str)]) -> Result<Answer, Offline> {
    let init = RequestInit::new();
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    for (name, value) in more {
        headers.set(name, value)?;
    }
    init.set_method(method);
    init.set_headers(&headers);
    init.set_body(&Uint8Array::from(json));
    send(path, &init).await
}

async fn send(path: &str, init: &RequestInit) -> Result<Answer, Offline> {
    let window = web_sys::window().ok_or(Offline)?;
    let response = JsFuture::from(window.fetch_with_str_and_init(path, init)).await?;
    let response: Response = response.dyn_into()?;
    let body: ArrayBuffer = JsFuture::from(response.array_buffer()?).await?.dyn_into()?;
    Ok(Answer { status: response.status(), body: Uint8Array::new(&body).to_vec() })
}
