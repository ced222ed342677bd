//! Why the vault cannot do its work, and what a person can do about each.

use wasm_bindgen::JsValue;

use crate::browser::StorageFault;

/// Why the vault cannot do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The page has no WebCrypto, because it is not in a secure context.
    NoWebCrypto,
    /// The browser gives no random bytes.
    NoRandomness,
    /// The browser kept nothing, or read nothing.
    Storage(StorageFault),
    /// The browser's cryptography failed.
    Cryptography,
    /// What was kept does not open, or is not what was written.
    Damaged,
    /// Another tab changed the record in the meantime.
    Changed,
}

impl Fault {
    /// What happened, and what to do.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Fault::NoWebCrypto => {
                "This browser gives the page no cryptography, which it does only over HTTPS. \
                 Open the page through https:// and try again."
            }
            Fault::NoRandomness => {
                "This browser has no source of randomness, so no safe key can be made in it. \
                 Use another browser."
            }
            Fault::Storage(fault) => fault.advice(),
            Fault::Cryptography => {
                "This browser's cryptography failed. Load the page again; if that does not help, use another browser."
            }
            Fault::Damaged => {
                "What this browser kept cannot be opened again, so it must not be relied on. \
                 Load the page again; if that does not help, use another browser."
            }
            Fault::Changed => "Another tab changed the identity of this browser. Load the page again.",
        }
    }
}

impl From<JsValue> for Fault {
    fn from(_: JsValue) -> Self {
        Fault::Cryptography
    }
}

impl From<StorageFault> for Fault {
    fn from(fault: StorageFault) -> Self {
        Fault::Storage(fault)
    }
}
