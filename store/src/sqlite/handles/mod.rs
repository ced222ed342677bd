//! Handles, and how they follow the chains.

mod before;
mod chains;
mod change;
mod homes;
mod memory;
mod rows;
mod standing;

use async_trait::async_trait;
use kez_core::{Admitted, Handle, KeyId, ServerName, Timestamp};
use sqlx::SqlitePool;

use super::writer::Command;
use super::{SqliteStore, failed};
use crate::StoreError;
use crate::handles::{Handles, Refusal, Registered, Row};
use rows::{BY_KEY, parse, select_rows};

pub(super) use chains::follow;
pub(super) use change::{Change, decide, ended, prune};
pub(super) use homes::fill as fill_homes;
pub(super) use rows::hash;
pub(super) use standing::active_keys;

impl SqliteStore {
    /// Readers of the handles, and the server's name.
    pub(super) fn handles(&self) -> Result<(SqlitePool, &ServerName), StoreError> {
        let none = || StoreError::Unavailable("this is a database of sigchains alone".to_owned());
        let (pool, server) = self.handles.as_ref().ok_or_else(none)?;
        Ok((pool.get()?, server))
    }

    /// The row of a handle that `query` finds for `value`.
    async fn row(&self, query: &'static str, value: String) -> Result<Option<Row>, StoreError> {
        let (pool, server) = self.handles()?;
        let found = sqlx::query_as(query).bind(value).fetch_optional(&pool).await.map_err(failed)?;
        found.map(|stored| parse(stored, server)).transpose()
    }
}

#[async_trait]
impl Handles for SqliteStore {
    async fn register(&self, admitted: Admitted, now: Timestamp) -> Result<Result<Registered, Refusal>, StoreError> {
        self.writer.ask(|answer| Command::Register(admitted, now, answer)).await
    }

    async fn release(&self, admitted: Admitted, now: Timestamp) -> Result<Result<Row, Refusal>, StoreError> {
        self.writer.ask(|answer| Command::Release(admitted, now, answer)).await
    }

    async fn by_handle(&self, handle: &Handle) -> Result<Option<Row>, StoreError> {
        self.row(select_rows!("WHERE h.handle = ?"), handle.to_string()).await
    }

    async fn by_key(&self, key: &KeyId) -> Result<Option<Row>, StoreError> {
        self.row(BY_KEY, key.to_string()).await
    }

    async fn by_chain(&self, chain: &KeyId) -> Result<Option<Row>, StoreError> {
        self.row(select_rows!("WHERE h.chain = ? AND h.released_at IS NULL"), chain.to_string()).await
    }

    async fn lost_a_key(&self, chain: &KeyId) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM chain_keys WHERE chain = ? AND NOT is_active)")
            .bind(chain.to_string())
            .fetch_one(&self.handles()?.0)
            .await
            .map_err(failed)
    }
}
