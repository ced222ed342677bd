//! Key packages: what devices left here, and who got what.

mod claim;
mod given;
#[cfg(test)]
mod plans;
mod prune;
mod upload;

use async_trait::async_trait;
use kez_core::key_packages::{AdmittedClaim, AdmittedUpload};
use kez_core::{KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::asked::Asked;
use super::pieces::{pieces, push_blobs};
use super::writer::Command;
use super::{SqliteStore, failed};
use crate::StoreError;
use crate::key_packages::{ClaimRefusal, Claimed, KeyPackages, UploadRefusal, Uploaded};

pub(super) use claim::give;
pub(super) use prune::prune;
pub(super) use upload::put;

/// A claim that somebody makes.
pub(super) type Claiming = Asked<AdmittedClaim, Claimed, ClaimRefusal>;
/// An upload that somebody makes.
pub(super) type Uploading = Asked<AdmittedUpload, Uploaded, UploadRefusal>;

#[async_trait]
impl KeyPackages for SqliteStore {
    async fn put_packages(
        &self,
        upload: AdmittedUpload,
        now: Timestamp,
    ) -> Result<Result<Uploaded, UploadRefusal>, StoreError> {
        self.writer.ask(|answer| Command::PutPackages(Box::new(Uploading::new(upload, now, answer)))).await
    }

    async fn claim_packages(
        &self,
        claim: AdmittedClaim,
        now: Timestamp,
    ) -> Result<Result<Claimed, ClaimRefusal>, StoreError> {
        self.writer.ask(|answer| Command::ClaimPackages(Box::new(Claiming::new(claim, now, answer)))).await
    }
}

/// Forgets what is here of these keys, which stand for nobody any more. That it was here is known all the same: a key may
/// come back.
pub(super) async fn forget(db: &mut SqliteConnection, keys: &[KeyId]) -> Result<(), StoreError> {
    for sql in [
        "UPDATE key_packages SET package = NULL WHERE package IS NOT NULL AND device IN (",
        "DELETE FROM last_resort_packages WHERE device IN (",
    ] {
        for keys in pieces(keys, 1) {
            let mut query = QueryBuilder::<Sqlite>::new(sql);
            push_blobs(&mut query, keys.iter().map(|key| key.as_bytes().as_slice()));
            query.push(")");
            query.build().execute(&mut *db).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// A stored key.
fn key(bytes: &[u8]) -> Result<KeyId, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Corrupt("a key beside key packages".to_owned()))?;
    Ok(KeyId::ed25519(bytes))
}

/// A stored number of rows.
fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
