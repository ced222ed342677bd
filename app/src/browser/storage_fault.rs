//! Why a browser kept nothing, or read nothing, and what a person can do about each.

use wasm_bindgen::JsValue;

use super::object::member;

/// Why nothing could be kept, or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StorageFault {
    /// The browser has no databases for this page, as in some private windows.
    None,
    /// It has one, and does not answer.
    Silent,
    /// There is no room, on the disk or in what the browser gives this site.
    Full,
    /// Another tab has the database open in a way that lets nobody else.
    Blocked,
    /// A newer version of this page made the database.
    Newer,
    /// Another tab wrote the record first.
    Taken,
    /// A call that browsers have failed in this one.
    Failed,
}

impl StorageFault {
    /// What happened, and what to do.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            StorageFault::None => {
                "This browser does not let the page keep anything, as in some private windows. \
                 Use an ordinary window, or allow site data for this page, and load it again."
            }
            StorageFault::Silent => {
                "This browser's storage does not answer. Try again; if that does not help, close the browser, open it \
                 again, and come back to this page."
            }
            StorageFault::Full => {
                "There is no space left: the disk is full, or what this browser lets this site keep. \
                 Free some space, then try again."
            }
            StorageFault::Blocked => {
                "Another tab keeps this browser's storage busy. Close other tabs of this page, then try again."
            }
            StorageFault::Newer => {
                "This tab shows an older version of this page than the one that was last used here. Load the page again."
            }
            StorageFault::Taken => "Another tab changed the identity of this browser. Load the page again.",
            StorageFault::Failed => {
                "This browser could not read or write its storage. Load the page again; if that does not help, close \
                 the browser and open it again."
            }
        }
    }
}

impl From<JsValue> for StorageFault {
    /// Of what a call threw, of the event by which a request or a transaction failed, or of nothing, which is thrown where
    /// there was no event in time.
    fn from(thrown: JsValue) -> Self {
        if thrown.is_undefined() {
            return StorageFault::Silent;
        }
        let text = |value: &JsValue, name| member(value, name).and_then(|text| text.as_string()).unwrap_or_default();
        if text(&thrown, "type") == "blocked" {
            return StorageFault::Blocked;
        }
        let told = member(&thrown, "target").and_then(|target| member(&target, "error"));
        match &*text(&told.unwrap_or(thrown), "name") {
            "QuotaExceededError" => StorageFault::Full,
            "VersionError" => StorageFault::Newer,
            "ConstraintError" => StorageFault::Taken,
            "NotAllowedError" | "SecurityError" => StorageFault::None,
            _ => StorageFault::Failed,
        }
    }
}
