//! Chains of another server, taken in beside the changes that wait.

use kez_core::sigchain::Claim;
use kez_core::{Hash, KeyId, ServerName, Sorted};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, QueryBuilder, Sqlite};

use crate::StoreError;
use crate::changes::Change;
use crate::decide::chains::Contested;
use crate::followed::{Followed, Taken};
use crate::sqlite::answer::Answer;
use crate::sqlite::failed;
use crate::sqlite::handles;
use crate::sqlite::pieces::{pieces, push_texts};

/// What one caller wants taken in.
pub(in crate::sqlite) struct Step {
    /// The other server's address.
    pub(in crate::sqlite) url: String,
    pub(in crate::sqlite) chains: Vec<Followed>,
    /// Chains that changed and are not among these.
    pub(in crate::sqlite) behind: Vec<KeyId>,
    /// Up to where its log was read; none where that is as it was.
    pub(in crate::sqlite) log_index: Option<u64>,
}

/// A step, and afterwards how it went.
pub(in crate::sqlite) struct Follow {
    step: Step,
    answer: Answer<Vec<Taken>>,
    changes: Vec<Change>,
}

impl Follow {
    pub(in crate::sqlite) const fn new(step: Step, answer: Answer<Vec<Taken>>) -> Self {
        Follow { step, answer, changes: Vec::new() }
    }

    /// What changed.
    pub(in crate::sqlite) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Tells the caller.
    pub(in crate::sqlite) fn answer(self, committed: &Result<(), StoreError>) {
        self.answer.send(committed);
    }

    /// Writes it, without committing.
    pub(in crate::sqlite) async fn write(
        &mut self,
        db: &mut SqliteConnection,
        server: &ServerName,
    ) -> Result<(), StoreError> {
        self.changes.clear();
        let (mut answers, mut done, mut behind) = (Vec::new(), Vec::new(), texts(&self.step.behind));
        for chain in &self.step.chains {
            // What fails of one is undone for that one alone.
            let mut one = db.begin().await.map_err(failed)?;
            let answer = match take_in(&mut one, chain, server).await {
                Ok((answer, change)) => {
                    one.commit().await.map_err(failed)?;
                    self.changes.extend(change);
                    answer
                }
                Err(error) => {
                    one.rollback().await.map_err(failed)?;
                    Taken::Failed(error.to_string())
                }
            };
            let list = if answer == Taken::Whole { &mut done } else { &mut behind };
            list.push(chain.summary.chain.to_string());
            answers.push(answer);
        }
        let url = &self.step.url;
        forget(db, url, &done).await?;
        remember(db, url, &behind).await?;
        self.answer.put(Ok(answers));
        let Some(log_index) = self.step.log_index else { return Ok(()) };
        sqlx::query("INSERT INTO followed (url, log_index) VALUES (?, ?) ON CONFLICT (url) DO UPDATE SET log_index = excluded.log_index")
            .bind(url.clone())
            .bind(i64::try_from(log_index).unwrap_or(i64::MAX))
            .execute(db)
            .await
            .map(drop)
            .map_err(failed)
    }
}

/// Takes in one chain.
async fn take_in(
    db: &mut SqliteConnection,
    chain: &Followed,
    server: &ServerName,
) -> Result<(Taken, Option<Change>), sqlx::Error> {
    let taken = handles::follow(db, &[&chain.summary], server, Contested::LeftOut).await?;
    match taken.into_iter().next() {
        Some(Ok(taken)) => {
            if let Some(claims) = &chain.claims {
                write_claims(db, &chain.summary.chain, claims).await?;
            }
            Ok((if taken.is_contested { Taken::InPart } else { Taken::Whole }, Some(taken.change)))
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
        query.build().execute(&mut *db).await.map_err(failed)?;
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
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}

fn texts(chains: &[KeyId]) -> Vec<String> {
    chains.iter().map(KeyId::to_string).collect()
}
