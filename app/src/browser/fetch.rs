//! Requests to this page's own origin.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, RequestCache, RequestInit, Response,
};

use super::sleep;
use crate::task::spawn;

/// Largest answer that is read, in bytes: the largest log of keys. Whatever else there is, is much smaller.
const MAX_ANSWER_BYTES: u32 = kez_core::sigchain::MAX_AUDIT_BYTES as u32;

/// What the server answered, whatever it was.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body's bytes.
    pub(crate) body: Vec<u8>,
    /// Whether these are all. Of a larger answer than is read there are some.
    pub(crate) is_whole: bool,
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

/// The same, given up after so many milliseconds.
pub(crate) async fn get_within(path: &str, millis: i32) -> Result<Answer, Offline> {
    let (guard, signal) = AbortOnDrop::new().ok_or(Offline)?;
    // Aborting what is there already changes nothing.
    spawn(async move {
        sleep(millis).await;
        drop(guard);
    });
    get(path, Some(&signal)).await
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
    let mut answer = Answer { status: response.status(), body: Vec::new(), is_whole: true };
    let Some(body) = response.body() else { return Ok(answer) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    // A piece at a time: how large the answer is, only its end tells.
    while let Ok(piece) = Reflect::get(&JsFuture::from(reader.read()).await?, &"value".into())?.dyn_into::<Uint8Array>()
    {
        if answer.body.len() as u32 + piece.length() > MAX_ANSWER_BYTES {
            answer.is_whole = false;
            // It ends either way.
            let _cancelled = JsFuture::from(reader.cancel()).await;
            break;
        }
        answer.body.extend(piece.to_vec());
    }
    Ok(answer)
}
