//! Chains of another server, taken in beside the changes that wait.

use crate::sqlite::Tell;
use kez_core::sigchain::Claim;
use kez_core::{Hash, KeyId, ServerName, Sorted};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, QueryBuilder, Sqlite};
use tokio::sync::oneshot;

use super::chains::Contested;
use super::{chains, unavailable};
use crate::StoreError;
use crate::handles::{Changed, Followed, Taken};
use crate::sqlite::pieces::{pieces, push_texts};

type Reply = oneshot::Sender<Result<Vec<Taken>, StoreError>>;

/// What one caller wants taken in.
pub(super) struct Step {
    /// The other server's address.
    pub(super) url: String,
    pub(super) chains: Vec<Followed>,
    /// Chains that changed and are not among these.
    pub(super) behind: Vec<KeyId>,
    /// Up to where its log was read; none where that is as it was.
    pub(super) log_index: Option<u64>,
}

/// A step, and afterwards how it went.
pub(super) struct Follow {
    step: Step,
    reply: Reply,
    answers: Vec<Taken>,
    told: Vec<Tell>,
}

impl Follow {
    pub(super) fn new(step: Step, reply: Reply) -> Self {
        Follow { step, reply, answers: Vec::new(), told: Vec::new() }
    }

    /// Writes it, without committing.
    pub(super) async fn write(
        &mut self,
        db: &mut SqliteConnection,
        server: &ServerName,
        changed: &Changed,
    ) -> Result<(), StoreError> {
        let (mut done, mut behind) = (Vec::new(), texts(&self.step.behind));
        for chain in &self.step.chains {
            // What fails of one is undone for that one alone.
            let mut one = db.begin().await.map_err(unavailable)?;
            let answer = match take_in(&mut one, chain, server, changed).await {
                Ok((answer, tell)) => {
                    one.commit().await.map_err(unavailable)?;
                    self.told.extend(tell);
                    answer
                }
                Err(error) => {
                    one.rollback().await.map_err(unavailable)?;
                    Taken::Failed(error.to_string())
                }
            };
            let list = if answer == Taken::Whole { &mut done } else { &mut behind };
            list.push(chain.summary.chain.to_string());
            self.answers.push(answer);
        }
        let url = &self.step.url;
        forget(db, url, &done).await?;
        remember(db, url, &behind).await?;
        let Some(log_index) = self.step.log_index else { return Ok(()) };
        sqlx::query("INSERT INTO followed (url, log_index) VALUES (?, ?) ON CONFLICT (url) DO UPDATE SET log_index = excluded.log_index")
            .bind(url.clone())
            .bind(i64::try_from(log_index).unwrap_or(i64::MAX))
            .execute(db)
            .await
            .map(drop)
            .map_err(unavailable)
    }

    /// Tells whoever has to know, then the caller.
    pub(super) fn answer(self, committed: &Result<(), StoreError>) {
        self.told.into_iter().for_each(|tell| tell());
        // A caller that went away does not wait for its answer; the change stands.
        let _ = self.reply.send(committed.clone().map(|()| self.answers));
    }
}

/// Takes in one chain.
async fn take_in(
    db: &mut SqliteConnection,
    chain: &Followed,
    server: &ServerName,
    changed: &Changed,
) -> Result<(Taken, Option<Tell>), sqlx::Error> {
    let taken = chains::follow(db, &[&chain.summary], server, changed, Contested::LeftOut).await?;
    match taken.into_iter().next() {
        Some(Ok(taken)) => {
            if let Some(claims) = &chain.claims {
                write_claims(db, &chain.summary.chain, claims).await?;
            }
            Ok((if taken.is_contested { Taken::InPart } else { Taken::Whole }, Some(taken.tell)))
        }
        Some(Err(reason)) => Ok((Taken::Refused(reason), None)),
        None => Ok((Taken::Failed("it was not looked at".to_owned()), None)),
    }
}

async fn write_claims(
    db: &mut SqliteConnection,
    chain: &KeyId,
    claims: &Sorted<Hash, Claim>,
) -> Result<(), sqlx::Error> {
    let id = chain.to_string();
    sqlx::query("DELETE FROM followed_claims WHERE chain = ?").bind(id.clone()).execute(&mut *db).await?;
    let claims: Vec<_> = claims.iter().collect();
    for claims in pieces(&claims, 5) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO followed_claims (chain, id, type, subject, proof) ");
        query.push_values(claims, |mut tuple, (claim, what)| {
            tuple.push_bind(id.clone()).push_bind(claim.as_bytes().to_vec());
            tuple.push_bind(what.r#type.clone()).push_bind(what.subject.clone()).push_bind(what.proof.clone());
        });
        query.build().execute(&mut *db).await?;
    }
    Ok(())
}

/// These chains are not behind any more.
async fn forget(db: &mut SqliteConnection, url: &str, chains: &[String]) -> Result<(), StoreError> {
    for chains in pieces(chains, 1) {
        let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM behind WHERE url = ");
        query.push_bind(url.to_owned()).push(" AND chain IN (");
        push_texts(&mut query, chains);
        query.push(")");
        query.build().execute(&mut *db).await.map_err(unavailable)?;
    }
    Ok(())
}

/// These chains are behind.
async fn remember(db: &mut SqliteConnection, url: &str, chains: &[String]) -> Result<(), StoreError> {
    for chains in pieces(chains, 2) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT OR IGNORE INTO behind (url, chain) ");
        query.push_values(chains, |mut tuple, chain| {
            tuple.push_bind(url.to_owned()).push_bind(chain.clone());
        });
        query.build().execute(&mut *db).await.map_err(unavailable)?;
    }
    Ok(())
}

fn texts(chains: &[KeyId]) -> Vec<String> {
    chains.iter().map(KeyId::to_string).collect()
}
