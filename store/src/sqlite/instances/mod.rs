//! Instances of devices' states, a group at a time: load what is stored about their devices, decide one after the other in
//! memory, write what follows.

mod memory;
mod prune;

use async_trait::async_trait;
use kez_core::Timestamp;
use kez_core::chat_instance::AdmittedInstance;
use kez_core::registration::CLOCK_SKEW_SECS;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::SqliteStore;
use super::asked::Asked;
use super::failed;
use super::pieces::pieces;
use super::writer::Command;
use crate::StoreError;
use crate::decide::recent::HOUR;
use crate::handles::Policy;
use crate::instances::{InstanceRefusal, Instances, Kept};

use self::memory::{Followed, Memory};

pub(super) use prune::prune;

/// How long what is stale is remembered, in seconds: room for a clock that is set back.
const REMEMBER_SECS: i64 = 3_600;
/// How far a signer's clock may be from the server's, in seconds.
const SKEW_SECS: i64 = CLOCK_SKEW_SECS.cast_signed();

/// An instance that somebody wants to be kept.
pub(super) type Beginning = Asked<AdmittedInstance, Kept, InstanceRefusal>;

#[async_trait]
impl Instances for SqliteStore {
    async fn put_instance(
        &self,
        instance: AdmittedInstance,
        now: Timestamp,
    ) -> Result<Result<Kept, InstanceRefusal>, StoreError> {
        self.writer.ask(|answer| Command::PutInstance(Box::new(Beginning::new(instance, now, answer)))).await
    }
}

/// Decides every instance in the order of arrival and writes what follows, without committing.
pub(super) async fn keep(
    db: &mut SqliteConnection,
    instances: &mut [Beginning],
    policy: &Policy,
) -> Result<(), StoreError> {
    let mut memory = Memory::load(db, instances, policy).await?;
    let (mut accepted, mut followed) = (Vec::new(), Vec::new());
    for one in instances.iter_mut() {
        let before = memory.kept(&one.envelope.device);
        let decided = memory.decide(&one.envelope, one.now, policy);
        if matches!(decided, Ok(Kept { is_new: true, .. })) {
            accepted.push((&one.envelope, one.now));
            followed.extend(before.map(|instance| ((one.envelope.device, instance), one.now)));
        }
        one.answer.put(Ok(decided));
    }
    write_kept(db, &memory.changed()).await?;
    write_followed(db, &followed).await?;
    write_envelopes(db, &accepted).await
}

async fn write_kept(db: &mut SqliteConnection, kept: &[Followed]) -> Result<(), StoreError> {
    for kept in pieces(kept, 2) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO chat_instances (device, instance) ");
        query.push_values(kept, |mut tuple, (device, instance)| {
            tuple.push_bind(device.as_bytes().to_vec()).push_bind(instance.to_vec());
        });
        query.push(" ON CONFLICT (device) DO UPDATE SET instance = excluded.instance");
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}

async fn write_followed(db: &mut SqliteConnection, followed: &[(Followed, Timestamp)]) -> Result<(), StoreError> {
    for followed in pieces(followed, 3) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO followed_instances (device, instance, forget_after) ");
        query.push_values(followed, |mut tuple, ((device, instance), now)| {
            // Whoever signed while it was kept did so by a clock that was ahead at most so far, and is heard as long again.
            let forget_after = now.unix() + 2 * SKEW_SECS + REMEMBER_SECS;
            tuple.push_bind(device.as_bytes().to_vec()).push_bind(instance.to_vec()).push_bind(forget_after);
        });
        query.push(" ON CONFLICT (device, instance) DO UPDATE SET forget_after = excluded.forget_after");
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}

async fn write_envelopes(
    db: &mut SqliteConnection,
    accepted: &[(&AdmittedInstance, Timestamp)],
) -> Result<(), StoreError> {
    for accepted in pieces(accepted, 4) {
        let mut query =
            QueryBuilder::<Sqlite>::new("INSERT INTO chat_instance_envelopes (id, device, at, forget_after) ");
        query.push_values(accepted, |mut tuple, (one, now)| {
            let stale = one.created_at.unix() + SKEW_SECS;
            tuple.push_bind(one.id.as_bytes().to_vec()).push_bind(one.device.as_bytes().to_vec());
            tuple.push_bind(now.unix()).push_bind((stale + REMEMBER_SECS).max(now.unix() + HOUR));
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}
