//! Pieces that pages and islands share.

mod day;
mod escape;
mod fingerprint;
mod key_text;
#[cfg(feature = "ssr")]
mod needs_script;
mod qr;
mod quoted;

pub use day::day;
pub use escape::escape;
pub use fingerprint::picture;
pub use key_text::grouped;
#[cfg(feature = "ssr")]
pub(crate) use needs_script::NeedsScript;
pub(crate) use qr::qr_code;
pub(crate) use quoted::quoted;
