//! What envelopes say, one statement a file: its members, how it is made, and how it is judged. An envelope knows none of
//! them; [`crate::verify_envelope`] alone knows them all.

pub mod chat_instance;
pub mod contact_request;
pub mod conversation_start;
pub mod key_packages;
pub mod receipt;
pub mod registration;
pub mod rejoin;
