//! Sigchains inside the chat server: handles follow their chains, and no key stands for two identities.

mod broker;
pub(crate) mod elsewhere;
pub(crate) mod fake;
mod following;
mod keys;
pub(crate) mod owner;
mod remote;
mod upgrade;
