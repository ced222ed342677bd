//! What was followed of another server's chains.

mod step;

use async_trait::async_trait;
use kez_core::sigchain::Claim;
use kez_core::{Hash, KeyId, Sorted};

use super::handles::hash;
use super::writer::Command;
use super::{SqliteStore, failed};
use crate::StoreError;
use crate::followed::{Followed, Following, Taken};

pub(super) use step::{Follow, Step};

#[async_trait]
impl Following for SqliteStore {
    async fn follow(
        &self,
        url: &str,
        chains: Vec<Followed>,
        behind: Vec<KeyId>,
        log_index: Option<u64>,
    ) -> Result<Vec<Taken>, StoreError> {
        let step = Step { url: url.to_owned(), chains, behind, log_index };
        self.writer.ask(|answer| Command::Follow(step, answer)).await
    }

    async fn behind(&self, url: &str) -> Result<Vec<KeyId>, StoreError> {
        let found: Vec<String> = sqlx::query_scalar("SELECT chain FROM behind WHERE url = ?")
            .bind(url.to_owned())
            .fetch_all(&self.handles()?.0)
            .await
            .map_err(failed)?;
        let parse = |chain: String| {
            chain.parse().map_err(|_| StoreError::Corrupt(format!("the chain {chain:?} that is behind")))
        };
        found.into_iter().map(parse).collect()
    }

    async fn followed_claims(&self, chain: &KeyId) -> Result<Sorted<Hash, Claim>, StoreError> {
        let found: Vec<(Vec<u8>, String, String, String)> =
            sqlx::query_as("SELECT id, type, subject, proof FROM followed_claims WHERE chain = ?")
                .bind(chain.to_string())
                .fetch_all(&self.handles()?.0)
                .await
                .map_err(failed)?;
        let corrupt = || StoreError::Corrupt(format!("a claim of the chain {chain}"));
        let parse =
            |(id, r#type, subject, proof)| Ok((hash(id).ok_or_else(corrupt)?, Claim { r#type, subject, proof }));
        found.into_iter().map(parse).collect()
    }

    async fn followed(&self, chain: &KeyId) -> Result<Option<(u64, Hash)>, StoreError> {
        let found: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT entries, head FROM chains WHERE chain = ?")
            .bind(chain.to_string())
            .fetch_optional(&self.handles()?.0)
            .await
            .map_err(failed)?;
        let corrupt = || StoreError::Corrupt(format!("the head of the chain {chain}"));
        found
            .map(|(entries, head)| {
                Ok((u64::try_from(entries).map_err(|_| corrupt())?, hash(head).ok_or_else(corrupt)?))
            })
            .transpose()
    }

    async fn followed_to(&self, url: &str) -> Result<u64, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT log_index FROM followed WHERE url = ?")
            .bind(url.to_owned())
            .fetch_optional(&self.handles()?.0)
            .await
            .map_err(failed)?;
        Ok(found.and_then(|index| u64::try_from(index).ok()).unwrap_or(0))
    }
}
