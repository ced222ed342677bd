//! What is decided by what is stored, as pure functions: an engine reads, asks these, and writes.

pub(crate) mod chains;
pub(crate) mod claims;
pub(crate) mod conversations;
pub(crate) mod instances;
pub(crate) mod key_packages;
pub(crate) mod recent;
pub(crate) mod standing;
