//! Chains of another server, taken in beside the changes that wait.

use kez_core::sigchain::Reason;
use kez_sig_server::store::sqlite::Tell;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use tokio::sync::oneshot;

use super::super::{Changed, Followed, StoreError};
use super::writer::copy;
use super::{chains, unavailable};

type Reply = oneshot::Sender<Result<Vec<Result<(), Reason>>, StoreError>>;

/// What one caller wants taken in, and afterwards how that went.
pub(super) struct Follow {
    pub(super) url: String,
    pub(super) chains: Vec<Followed>,
    pub(super) log_index: u64,
    pub(super) reply: Reply,
    answers: Vec<Result<(), Reason>>,
    told: Vec<Tell>,
}

impl Follow {
    pub(super) fn new(url: String, chains: Vec<Followed>, log_index: u64, reply: Reply) -> Self {
        Follow { url, chains, log_index, reply, answers: Vec::new(), told: Vec::new() }
    }

    /// Writes it, without committing.
    pub(super) async fn write(&mut self, db: &mut SqliteConnection, changed: &Changed) -> Result<(), StoreError> {
        for chain in &self.chains {
            let followed = chains::follow(db, &[&chain.summary], changed).await;
            let followed = followed.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            let Some(followed) = followed.into_iter().next() else { continue };
            if followed.is_ok() {
                write_claims(db, chain).await?;
            }
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

async fn write_claims(db: &mut SqliteConnection, chain: &Followed) -> Result<(), StoreError> {
    let id = chain.summary.chain.to_string();
    sqlx::query("DELETE FROM followed_claims WHERE chain = ?")
        .bind(id.clone())
        .execute(&mut *db)
        .await
        .map_err(unavailable)?;
    if chain.claims.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO followed_claims (chain, id, type, subject, proof) ");
    query.push_values(chain.claims.iter(), |mut tuple, (claim, what)| {
        tuple.push_bind(id.clone()).push_bind(claim.as_bytes().to_vec());
        tuple.push_bind(what.r#type.clone()).push_bind(what.subject.clone()).push_bind(what.proof.clone());
    });
    query.build().execute(db).await.map(drop).map_err(unavailable)
}
