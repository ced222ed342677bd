//! What a group of claims is decided from.

use std::collections::{HashMap, HashSet, VecDeque};

use kez_core::key_packages::AdmittedClaim;
use kez_core::{KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::Got;
use crate::StoreError;
use crate::decide::key_packages::{self as decide, DeviceView, Gets};
use crate::decide::recent::{DAY, HOUR, Recent};
use crate::decide::standing::Standing;
use crate::handles::Policy;
use crate::key_packages::ClaimRefusal;
use crate::sqlite::failed;
use crate::sqlite::key_packages::{Claiming, count, key};
use crate::sqlite::pieces::{pieces, push_blobs};
use crate::sqlite::standing::standings;

/// What is stored, as far as a group of claims touches it, and what the group makes of it.
#[derive(Default)]
pub(super) struct Memory {
    standings: HashMap<KeyId, Standing>,
    claims: HashMap<KeyId, Recent>,
    /// The numbers of one-time packages that wait, the oldest first: as many as the group may want.
    waiting: HashMap<KeyId, VecDeque<i64>>,
    last_resorts: HashSet<KeyId>,
    /// One-time packages that an identity got of another's device lately.
    draws: HashMap<(KeyId, KeyId), u64>,
}

impl Memory {
    pub(super) async fn load(
        db: &mut SqliteConnection,
        claims: &[&mut Claiming],
        policy: &Policy,
    ) -> Result<Memory, StoreError> {
        if claims.is_empty() {
            return Ok(Memory::default());
        }
        let chains = claims.iter().flat_map(|one| [one.envelope.from, one.envelope.to]).collect();
        let mut memory = Memory { standings: standings(db, &chains, &policy.server).await?, ..Memory::default() };
        let latest = claims.iter().map(|one| one.now.unix()).max().unwrap_or_default();
        let claimers: HashSet<KeyId> = claims.iter().map(|one| one.envelope.from).collect();
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT claimer, count(*), min(at) FROM key_package_claims WHERE at > ");
        query.push_bind(latest - HOUR).push(" AND claimer IN (");
        push_blobs(&mut query, claimers.iter().map(|claimer| claimer.as_bytes().as_slice()));
        query.push(") GROUP BY claimer");
        let found: Vec<(Vec<u8>, i64, i64)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
        for (claimer, claims, first) in found {
            let recent = Recent { count: count(claims), oldest: Some(Timestamp::from_unix(first)) };
            memory.claims.insert(key(&claimer)?, recent);
        }

        let (mut wants, mut pairs) = (HashMap::<KeyId, u32>::new(), HashSet::new());
        for one in claims {
            // Whoever may not is not worth another question.
            let from = memory.standings.get(&one.envelope.from);
            if !from.is_some_and(|from| from.is_spoken_for_by(&one.envelope.signer)) {
                continue;
            }
            let Some(Standing::Live(active)) = memory.standings.get(&one.envelope.to) else { continue };
            for device in decide::wanted(&one.envelope, active) {
                *wants.entry(device).or_default() += 1;
                if one.envelope.from != one.envelope.to {
                    pairs.insert((one.envelope.from, device));
                }
            }
        }
        memory.waiting = waiting(db, &wants).await?;
        let devices: Vec<KeyId> = wants.into_keys().collect();
        for devices in pieces(&devices, 1) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT device FROM last_resort_packages WHERE device IN (");
            push_blobs(&mut query, devices.iter().map(|device| device.as_bytes().as_slice()));
            query.push(")");
            let found: Vec<Vec<u8>> = query.build_query_scalar().fetch_all(&mut *db).await.map_err(failed)?;
            for device in found {
                memory.last_resorts.insert(key(&device)?);
            }
        }
        memory.draws = draws(db, &pairs.into_iter().collect::<Vec<_>>(), latest - DAY).await?;
        Ok(memory)
    }

    /// What a claim gets, which the next one does not get.
    pub(super) fn decide(
        &mut self,
        claim: &AdmittedClaim,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Vec<Got>, ClaimRefusal> {
        let unknown = Standing::Unknown;
        let from = self.standings.get(&claim.from).unwrap_or(&unknown);
        let to = self.standings.get(&claim.to).unwrap_or(&unknown);
        let claims = self.claims.entry(claim.from).or_default();
        let device = |device: &KeyId| DeviceView {
            is_waiting: self.waiting.get(device).is_some_and(|waiting| !waiting.is_empty()),
            has_last_resort: self.last_resorts.contains(device),
            draws: self.draws.get(&(claim.from, *device)).copied().unwrap_or(0),
        };
        let gets = decide::claim(claim, from, to, claims, device, now, &policy.key_packages)?;
        claims.add(now);
        let got = gets.into_iter().map(|(device, gets)| {
            let number = match gets {
                Gets::OneTime => self.waiting.get_mut(&device).and_then(VecDeque::pop_front),
                Gets::LastResort | Gets::Nothing => None,
            };
            if number.is_some() && claim.from != claim.to {
                *self.draws.entry((claim.from, device)).or_default() += 1;
            }
            (device, gets, number)
        });
        Ok(got.collect())
    }
}

/// The numbers of one-time packages that wait, for so many claims of each device.
async fn waiting(
    db: &mut SqliteConnection,
    wants: &HashMap<KeyId, u32>,
) -> Result<HashMap<KeyId, VecDeque<i64>>, StoreError> {
    let mut waiting: HashMap<KeyId, VecDeque<i64>> = HashMap::new();
    let (once, often): (Vec<_>, Vec<_>) = wants.iter().partition(|(_, claims)| **claims == 1);
    for devices in pieces(&once, 1) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT column1, (SELECT number FROM key_packages WHERE package IS NOT NULL AND device = column1 \
             ORDER BY number LIMIT 1) FROM (",
        );
        query.push_values(devices, |mut tuple, (device, _)| {
            tuple.push_bind(device.as_bytes().to_vec());
        });
        query.push(")");
        let found: Vec<(Vec<u8>, Option<i64>)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
        for (device, number) in found {
            waiting.entry(key(&device)?).or_default().extend(number);
        }
    }
    for (device, claims) in often {
        let found: Vec<i64> = sqlx::query_scalar(
            "SELECT number FROM key_packages WHERE package IS NOT NULL AND device = ? ORDER BY number LIMIT ?",
        )
        .bind(device.as_bytes().to_vec())
        .bind(*claims)
        .fetch_all(&mut *db)
        .await
        .map_err(failed)?;
        waiting.insert(*device, found.into());
    }
    Ok(waiting)
}

/// How many one-time packages each of these identities got of the device beside it, since then.
async fn draws(
    db: &mut SqliteConnection,
    pairs: &[(KeyId, KeyId)],
    since: i64,
) -> Result<HashMap<(KeyId, KeyId), u64>, StoreError> {
    let mut draws = HashMap::new();
    for pairs in pieces(pairs, 2) {
        // As a list of pairs behind IN, SQLite would look at every row for them.
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT w.column1, w.column2, (SELECT count(*) FROM key_package_draws d \
             WHERE d.claimer = w.column1 AND d.device = w.column2 AND d.at > ",
        );
        query.push_bind(since).push(") FROM (");
        query.push_values(pairs, |mut tuple, (claimer, device)| {
            tuple.push_bind(claimer.as_bytes().to_vec()).push_bind(device.as_bytes().to_vec());
        });
        query.push(") w");
        let found: Vec<(Vec<u8>, Vec<u8>, i64)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
        for (claimer, device, times) in found {
            draws.insert((key(&claimer)?, key(&device)?), count(times));
        }
    }
    Ok(draws)
}
