//! What a group of instances is decided from.

use std::collections::{HashMap, HashSet};

use kez_core::chat_instance::AdmittedInstance;
use kez_core::{Hash, KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::Beginning;
use crate::StoreError;
use crate::decide::instances::{self as decide, View};
use crate::decide::recent::{HOUR, Recent};
use crate::decide::standing::Standing;
use crate::handles::Policy;
use crate::instances::{Instance, InstanceRefusal, Kept};
use crate::sqlite::failed;
use crate::sqlite::handles::hash;
use crate::sqlite::pieces::{pieces, push_blobs};
use crate::sqlite::standing::standings;

/// An instance of a device that another one followed, or that is kept.
pub(super) type Followed = (KeyId, Instance);

/// What is stored, as far as a group of instances touches it, and what the group makes of it.
#[derive(Default)]
pub(super) struct Memory {
    standings: HashMap<KeyId, Standing>,
    kept: HashMap<KeyId, Instance>,
    /// The devices whose instance the group changed.
    changed: HashSet<KeyId>,
    /// Envelopes that were accepted before.
    envelopes: HashSet<Hash>,
    /// Those of the wanted instances that were kept and that another one followed.
    followed: HashSet<Followed>,
    accepted: HashMap<KeyId, Recent>,
}

impl Memory {
    pub(super) async fn load(
        db: &mut SqliteConnection,
        instances: &[Beginning],
        policy: &Policy,
    ) -> Result<Memory, StoreError> {
        let chains = instances.iter().map(|one| one.envelope.chain).collect();
        let mut memory = Memory { standings: standings(db, &chains, &policy.server).await?, ..Memory::default() };
        // Whoever may not is not worth another question.
        let wanted: Vec<&Beginning> = instances.iter().filter(|one| memory.is_authorised(&one.envelope)).collect();
        let devices: HashSet<KeyId> = wanted.iter().map(|one| one.envelope.device).collect();
        let devices: Vec<KeyId> = devices.into_iter().collect();
        let latest = wanted.iter().map(|one| one.now.unix()).max().unwrap_or_default();
        if devices.is_empty() {
            return Ok(memory);
        }
        memory.kept = kept(db, &devices).await?;
        memory.accepted = accepted(db, &devices, latest - HOUR).await?;
        memory.envelopes = envelopes(db, &wanted).await?;
        memory.followed = followed(db, &wanted).await?;
        Ok(memory)
    }

    /// The instance that is kept of a device.
    pub(super) fn kept(&self, device: &KeyId) -> Option<Instance> {
        self.kept.get(device).copied()
    }

    /// What becomes of an instance, which the next one finds kept.
    pub(super) fn decide(
        &mut self,
        asked: &AdmittedInstance,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Kept, InstanceRefusal> {
        let device = asked.device;
        let view = View {
            is_authorised: self.is_authorised(asked),
            kept: self.kept(&device),
            is_over: self.envelopes.contains(&asked.id) || self.followed.contains(&(device, asked.instance)),
            accepted: self.accepted.get(&device).copied().unwrap_or_default(),
        };
        let kept = decide::keep(&view, asked, now, &policy.instances)?;
        if kept.is_new {
            self.followed.extend(self.kept.insert(device, asked.instance).map(|before| (device, before)));
            self.envelopes.insert(asked.id);
            self.accepted.entry(device).or_default().add(now);
            self.changed.insert(device);
        }
        Ok(kept)
    }

    /// The devices whose instance changed, each with the last one.
    pub(super) fn changed(&self) -> Vec<Followed> {
        self.changed.iter().filter_map(|device| Some((*device, self.kept(device)?))).collect()
    }

    fn is_authorised(&self, asked: &AdmittedInstance) -> bool {
        self.standings.get(&asked.chain).is_some_and(|standing| standing.is_spoken_for_by(&asked.device))
    }
}

async fn kept(db: &mut SqliteConnection, devices: &[KeyId]) -> Result<HashMap<KeyId, Instance>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT device, instance FROM chat_instances WHERE device IN (");
    push_blobs(&mut query, devices.iter().map(|device| device.as_bytes().as_slice()));
    query.push(")");
    let found: Vec<(Vec<u8>, Vec<u8>)> = query.build_query_as().fetch_all(db).await.map_err(failed)?;
    found.into_iter().map(|(device, instance)| Ok((key(&device)?, parse(&instance)?))).collect()
}

async fn accepted(
    db: &mut SqliteConnection,
    devices: &[KeyId],
    since: i64,
) -> Result<HashMap<KeyId, Recent>, StoreError> {
    let mut query =
        QueryBuilder::<Sqlite>::new("SELECT device, count(*), min(at) FROM chat_instance_envelopes WHERE at > ");
    query.push_bind(since).push(" AND device IN (");
    push_blobs(&mut query, devices.iter().map(|device| device.as_bytes().as_slice()));
    query.push(") GROUP BY device");
    let found: Vec<(Vec<u8>, i64, i64)> = query.build_query_as().fetch_all(db).await.map_err(failed)?;
    let recent = |(device, count, first): (Vec<u8>, i64, i64)| {
        let count = u64::try_from(count).unwrap_or(0);
        Ok((key(&device)?, Recent { count, oldest: Some(Timestamp::from_unix(first)) }))
    };
    found.into_iter().map(recent).collect()
}

/// Which of these envelopes were accepted before.
async fn envelopes(db: &mut SqliteConnection, wanted: &[&Beginning]) -> Result<HashSet<Hash>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT id FROM chat_instance_envelopes WHERE id IN (");
    push_blobs(&mut query, wanted.iter().map(|one| one.envelope.id.as_bytes().as_slice()));
    query.push(")");
    let found: Vec<Vec<u8>> = query.build_query_scalar().fetch_all(db).await.map_err(failed)?;
    found.into_iter().map(|id| hash(id).ok_or_else(corrupt)).collect()
}

/// Which of these instances were kept, and another one followed them.
async fn followed(db: &mut SqliteConnection, wanted: &[&Beginning]) -> Result<HashSet<Followed>, StoreError> {
    let mut followed = HashSet::new();
    for wanted in pieces(wanted, 2) {
        // As a list of pairs behind IN, SQLite would look at every row for them.
        let mut query = QueryBuilder::<Sqlite>::new("SELECT f.device, f.instance FROM (");
        query.push_values(wanted, |mut tuple, one| {
            tuple.push_bind(one.envelope.device.as_bytes().to_vec()).push_bind(one.envelope.instance.to_vec());
        });
        query.push(") w CROSS JOIN followed_instances f ON f.device = w.column1 AND f.instance = w.column2");
        let found: Vec<(Vec<u8>, Vec<u8>)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
        for (device, instance) in found {
            followed.insert((key(&device)?, parse(&instance)?));
        }
    }
    Ok(followed)
}

fn key(bytes: &[u8]) -> Result<KeyId, StoreError> {
    Ok(KeyId::ed25519(bytes.try_into().map_err(|_| corrupt())?))
}

fn parse(bytes: &[u8]) -> Result<Instance, StoreError> {
    bytes.try_into().map_err(|_| corrupt())
}

fn corrupt() -> StoreError {
    StoreError::Corrupt("an instance of a device".to_owned())
}
