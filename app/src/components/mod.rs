//! Pieces that pages and islands share.

mod fingerprint;
mod key_text;
mod needs_script;

pub use fingerprint::Fingerprint;
pub use key_text::KeyText;
pub use needs_script::NeedsScript;
