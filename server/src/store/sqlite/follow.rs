//! Chains of another server, taken in beside the changes that wait.

use kez_core::sigchain::{Reason, Summary};
use kez_sig_server::store::sqlite::Tell;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::super::{Changed, StoreError};
use super::writer::copy;
use super::{chains, unavailable};

type Reply = oneshot::Sender<Result<Vec<Result<(), Reason>>, StoreError>>;

/// What one caller wants taken in, and afterwards how that went.
pub(super) struct Follow {
    pub(super) url: String,
    pub(super) chains: Vec<Summary>,
    pub(super) log_index: u64,
    pub(super) reply: Reply,
    answers: Vec<Result<(), Reason>>,
    told: Vec<Tell>,
}

impl Follow {
    pub(super) fn new(url: String, chains: Vec<Summary>, log_index: u64, reply: Reply) -> Self {
        Follow { url, chains, log_index, reply, answers: Vec::new(), told: Vec::new() }
    }

    /// Writes it, without committing.
    pub(super) async fn write(&mut self, db: &mut SqliteConnection, changed: &Changed) -> Result<(), StoreError> {
        for chain in &self.chains {
            let followed = chains::follow(db, chain, changed).await;
            let followed = followed.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            self.answers.push(followed.map(|tell| self.told.push(tell)));
        }
        sqlx::query("INSERT INTO followed (url, log_index) VALUES (?, ?) ON CONFLICT (url) DO UPDATE SET log_index = excluded.log_index")
            .bind(self.url.clone())
            .bind(i64::try_from(self.log_index).unwrap_or(i64::MAX))
            .execute(db)
            .await
            .map(drop)
            .map_err(unavailable)
    }

    /// Tells whoever has to know, then the caller.
    pub(super) fn answer(self, committed: &Result<(), StoreError>) {
        self.told.into_iter().for_each(|tell| tell());
        // A caller that went away does not wait for its answer; the change stands.
        let _ = self.reply.send(committed.as_ref().map(|()| self.answers).map_err(copy));
    }
}
