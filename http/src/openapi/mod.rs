//! What the servers' OpenAPI documents have in common: the spellings of identifiers, problems, and the document.

mod document;
mod formats;
mod methods;
mod problem;
mod refusals;
mod security;
mod signature;

pub use document::Document;
pub use formats::{EncKey, Handle, Hash, Key, ServerName, Sig, Time, constant, from_1, ready, seq, version};
pub use methods::{READ, options, unknown, with_methods};
pub use problem::{Head, Problem};
pub use refusals::{Answers, of_envelope, of_own_envelope, of_read, of_write};
pub use security::bearer;
pub use signature::Signature;
#[doc(hidden)]
pub use {kez_core::Code, utoipa::IntoResponses};
