//! Where handles and sigchains are kept. Traits state guarantees; each engine keeps them in its own way and shares no code
//! with another.

mod decide;
pub mod handles;
pub mod receipt_key;
pub mod sigchains;
pub mod sqlite;

/// Why the store could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or written just now (locked, full, missing). Nothing was changed, unless the
    /// connection broke during the commit: every operation may be repeated safely.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// What was read is not what is ever written.
    #[error("the database holds something that was never written: {0}")]
    Corrupt(String),
}
