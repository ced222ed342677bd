//! Whoever keeps tables of its own in the same database, and follows the chains with them: the registry of handles, when
//! one process is both.

use async_trait::async_trait;
use kez_core::sigchain::{Reason, Summary};
use sqlx::sqlite::SqliteConnection;

use crate::StoreError;

/// What is to be done once a change is durable, or may be: it must not fail and not wait.
pub type Tell = Box<dyn FnOnce() + Send + Sync>;

/// Tables that follow the chains.
#[async_trait]
pub trait Companion: Send + Sync + 'static {
    /// Takes in what chains come to, each of which is there once, in the transaction that stores their new entries:
    /// either both are durable or neither is. Gives an answer for each, in their order; what is refused changes nothing
    /// and spoils no other chain of the transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the tables cannot be read or written, which undoes the whole transaction.
    async fn follow(
        &self,
        db: &mut SqliteConnection,
        chains: &[&Summary],
    ) -> Result<Vec<Result<Tell, Reason>>, StoreError>;
}
