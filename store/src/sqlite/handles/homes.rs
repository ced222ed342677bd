//! Where chains live that were stored before their homes were: read from their events, once.

use futures_util::TryStreamExt as _;
use kez_core::sigchain::{Chain, Unverified};
use kez_core::{KeyId, ServerName, Timestamp};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::StoreError;
use crate::sqlite::failed;

/// What every event that moves a chain has in its canonical bytes.
const MOVE: &[u8] = b"\"kez.sigchain.server_move\"";

/// Notes the home of every chain whose home is not known. Those that never moved began here, since a server takes in no
/// others; of those that did, the log tells. Where another server keeps the logs, following it anew finds out.
pub(in crate::sqlite) async fn fill(db: &mut SqliteConnection, server: &ServerName) -> Result<(), StoreError> {
    let is_missing: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM chains WHERE home IS NULL)")
        .fetch_one(&mut *db)
        .await
        .map_err(failed)?;
    if !is_missing {
        return Ok(());
    }
    let mut homes = Vec::new();
    for chain in moved(db).await? {
        match home(db, chain).await? {
            Some(home) => homes.push((chain, home)),
            None => tracing::error!(%chain, "a chain's log cannot be verified; its home is taken to be this server"),
        }
    }
    let mut transaction = db.begin().await.map_err(failed)?;
    for (chain, home) in homes {
        sqlx::query("UPDATE chains SET home = ? WHERE chain = ?")
            .bind(home.to_string())
            .bind(chain.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    sqlx::query("UPDATE chains SET home = ? WHERE home IS NULL")
        .bind(server.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// Chains of which an event says that they move.
async fn moved(db: &mut SqliteConnection) -> Result<Vec<KeyId>, StoreError> {
    let found: Vec<Vec<u8>> = sqlx::query_scalar("SELECT DISTINCT chain FROM entries WHERE instr(event, ?)")
        .bind(MOVE)
        .fetch_all(db)
        .await
        .map_err(failed)?;
    let key = |bytes: Vec<u8>| bytes.try_into().map(KeyId::ed25519);
    found
        .into_iter()
        .map(|bytes| key(bytes).map_err(|_| StoreError::Corrupt("the key of a chain".to_owned())))
        .collect()
}

/// Where a chain's log leads; none when it does not verify.
async fn home(db: &mut SqliteConnection, id: KeyId) -> Result<Option<ServerName>, StoreError> {
    let mut chain = Chain::new(id);
    let mut rows =
        sqlx::query_as::<_, (Vec<u8>, i64)>("SELECT event, received_at FROM entries WHERE chain = ? ORDER BY entry")
            .bind(id.as_bytes().as_slice())
            .fetch(db);
    while let Some((event, received_at)) = rows.try_next().await.map_err(failed)? {
        let Ok(event) = Unverified::parse(&event) else { return Ok(None) };
        if chain.append(event, Timestamp::from_unix(received_at)).is_err() {
            return Ok(None);
        }
    }
    Ok(chain.state().map(|state| state.server.clone()))
}
