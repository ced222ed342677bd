//! What the servers' OpenAPI documents have in common: the spellings of identifiers, problems, and the document's text.

mod document;
mod formats;
mod problem;
mod refusals;
mod security;
mod signature;

pub use document::text;
pub use formats::{EncKey, Handle, Hash, Key, ServerName, Sig, Time, constant, seq};
pub use problem::{Head, Problem};
pub use refusals::{Answers, of_read, of_write};
pub use security::bearer;
pub use signature::Signature;
#[doc(hidden)]
pub use {kez_core::Code, utoipa::IntoResponses};
