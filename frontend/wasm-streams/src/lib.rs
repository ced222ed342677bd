//! Stands in for the crate of this name. The framework brings that along for server functions whose bodies are streams;
//! these pages have no server functions. What it exports to JavaScript cannot be left out by the linker, and would be
//! 3 kB of what every visitor downloads.

use futures_util::stream::{Empty, Stream};
use wasm_bindgen::JsValue;
use web_sys::ReadableStream as Raw;

/// A stream of the browser's, as far as the framework names it.
#[derive(Clone, Debug)]
pub struct ReadableStream(Raw);

impl ReadableStream {
    /// Keeps the browser's stream.
    #[must_use]
    pub const fn from_raw(raw: Raw) -> Self {
        ReadableStream(raw)
    }

    /// The browser's stream.
    #[must_use]
    pub fn into_raw(self) -> Raw {
        self.0
    }

    /// Would make a stream of the browser's of one of Rust's.
    ///
    /// # Panics
    /// Always: see the crate's description.
    pub fn from_stream(_: impl Stream<Item = Result<JsValue, JsValue>> + 'static) -> Self {
        unimplemented!("server functions that stream need the real wasm-streams")
    }

    /// Would make a stream of Rust's of the browser's.
    ///
    /// # Panics
    /// Always: see the crate's description.
    #[must_use]
    pub fn into_stream(self) -> Empty<Result<JsValue, JsValue>> {
        unimplemented!("server functions that stream need the real wasm-streams")
    }
}
