//! Claims, a group at a time: load what they are about, decide one after the other in memory, write what was given.

use std::collections::{HashMap, HashSet, VecDeque};

use kez_core::key_packages::AdmittedClaim;
use kez_core::registration::CLOCK_SKEW_SECS;
use kez_core::{Hash, KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::standing::standings;
use super::{count, given, key};
use crate::StoreError;
use crate::decide::key_packages::{self as decide, DAY, DeviceView, Gets, HOUR, Recent, Standing};
use crate::handles::Policy;
use crate::key_packages::{ClaimRefusal, Claimed, Given};
use crate::sqlite::answer::Answer;
use crate::sqlite::failed;
use crate::sqlite::handles::hash;
use crate::sqlite::pieces::{pieces, push_blobs};

/// How long an answer is remembered once its claim is stale, in seconds. Answers are large; a claim that comes again when its
/// answer is forgotten, because a clock was set back, is another claim.
const REMEMBER_SECS: i64 = 60;

/// A claim that somebody makes, and afterwards the answer.
pub(in crate::sqlite) struct Claiming {
    claim: AdmittedClaim,
    now: Timestamp,
    answer: Answer<Result<Claimed, ClaimRefusal>>,
}

impl Claiming {
    pub(super) const fn new(
        claim: AdmittedClaim,
        now: Timestamp,
        answer: Answer<Result<Claimed, ClaimRefusal>>,
    ) -> Self {
        Claiming { claim, now, answer }
    }

    /// When it was made.
    pub(in crate::sqlite) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(in crate::sqlite) fn answer(self, committed: &Result<(), StoreError>) {
        self.answer.send(committed);
    }
}

/// Decides every claim in the order of arrival and writes what follows, without committing.
pub(in crate::sqlite) async fn give(
    db: &mut SqliteConnection,
    claims: &mut [Claiming],
    policy: &Policy,
) -> Result<(), StoreError> {
    let answered = answered(db, claims).await?;
    let mut first = HashSet::new();
    let (mut new, again): (Vec<_>, Vec<_>) =
        claims.iter_mut().partition(|one| !answered.contains_key(&one.claim.id) && first.insert(one.claim.id));
    let mut memory = Memory::load(db, &new, policy).await?;
    let decided: Vec<_> = new.iter().map(|one| memory.decide(&one.claim, one.now, policy)).collect();
    let packages = Packages::load(db, &decided).await?;
    for (one, decided) in new.iter_mut().zip(&decided) {
        let answer = match decided {
            Ok(gets) => Ok(packages.answer(gets)?),
            Err(refusal) => Err(*refusal),
        };
        one.answer.put(Ok(answer));
    }
    for one in again {
        let before = answered.get(&one.claim.id).map(|claimed| Ok(claimed.clone()));
        // One that came twice at once is answered as the first was.
        let first = || new.iter().find(|first| first.claim.id == one.claim.id)?.answer.noted().cloned();
        if let Some(same) = before.or_else(first) {
            one.answer.put(Ok(same));
        }
    }
    write(db, &new, &decided).await
}

/// What those of these claims were answered that were answered before.
async fn answered(db: &mut SqliteConnection, claims: &[Claiming]) -> Result<HashMap<Hash, Claimed>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT id, answer FROM key_package_answers WHERE id IN (");
    push_blobs(&mut query, claims.iter().map(|one| one.claim.id.as_bytes().as_slice()));
    query.push(")");
    let found: Vec<(Vec<u8>, Vec<u8>)> = query.build_query_as().fetch_all(db).await.map_err(failed)?;
    let corrupt = || StoreError::Corrupt("the id of a claim".to_owned());
    found.into_iter().map(|(id, answer)| Ok((hash(id).ok_or_else(corrupt)?, given::read(&answer)?))).collect()
}

/// What is stored, as far as a group of claims touches it, and what the group makes of it.
#[derive(Default)]
struct Memory {
    standings: HashMap<KeyId, Standing>,
    claims: HashMap<KeyId, Recent>,
    /// The numbers of one-time packages that wait, the oldest first: as many as the group may want.
    waiting: HashMap<KeyId, VecDeque<i64>>,
    last_resorts: HashSet<KeyId>,
    /// One-time packages that an identity got of another's device lately.
    draws: HashMap<(KeyId, KeyId), u64>,
}

/// What a claim gets of a device, with the number of a one-time package.
type Got = (KeyId, Gets, Option<i64>);

impl Memory {
    async fn load(db: &mut SqliteConnection, claims: &[&mut Claiming], policy: &Policy) -> Result<Memory, StoreError> {
        if claims.is_empty() {
            return Ok(Memory::default());
        }
        let chains = claims.iter().flat_map(|one| [one.claim.from, one.claim.to]).collect();
        let mut memory = Memory { standings: standings(db, &chains, &policy.server).await?, ..Memory::default() };
        let latest = claims.iter().map(|one| one.now.unix()).max().unwrap_or_default();
        let claimers: HashSet<KeyId> = claims.iter().map(|one| one.claim.from).collect();
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
            let from = memory.standings.get(&one.claim.from);
            if !from.is_some_and(|from| from.is_spoken_for_by(&one.claim.signer)) {
                continue;
            }
            let Some(Standing::Live(active)) = memory.standings.get(&one.claim.to) else { continue };
            for device in decide::wanted(&one.claim, active) {
                *wants.entry(device).or_default() += 1;
                if one.claim.from != one.claim.to {
                    pairs.insert((one.claim.from, device));
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
    fn decide(&mut self, claim: &AdmittedClaim, now: Timestamp, policy: &Policy) -> Result<Vec<Got>, ClaimRefusal> {
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

/// The packages that a group of claims gets.
struct Packages {
    one_time: HashMap<i64, Vec<u8>>,
    last_resorts: HashMap<KeyId, Vec<u8>>,
}

impl Packages {
    async fn load(
        db: &mut SqliteConnection,
        decided: &[Result<Vec<Got>, ClaimRefusal>],
    ) -> Result<Packages, StoreError> {
        let got = || decided.iter().flatten().flatten();
        let numbers: Vec<i64> = got().filter_map(|(.., number)| *number).collect();
        let mut one_time = HashMap::with_capacity(numbers.len());
        for numbers in pieces(&numbers, 1) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT number, package FROM key_packages WHERE package IS NOT NULL AND number IN (",
            );
            push_numbers(&mut query, numbers);
            query.push(")");
            let found: Vec<(i64, Vec<u8>)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
            one_time.extend(found);
        }
        let devices: HashSet<KeyId> = got().filter(|(_, gets, _)| *gets == Gets::LastResort).map(|got| got.0).collect();
        let devices: Vec<KeyId> = devices.into_iter().collect();
        let mut last_resorts = HashMap::with_capacity(devices.len());
        for devices in pieces(&devices, 1) {
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT device, package FROM last_resort_packages WHERE device IN (");
            push_blobs(&mut query, devices.iter().map(|device| device.as_bytes().as_slice()));
            query.push(")");
            let found: Vec<(Vec<u8>, Vec<u8>)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
            for (device, package) in found {
                last_resorts.insert(key(&device)?, package);
            }
        }
        Ok(Packages { one_time, last_resorts })
    }

    fn answer(&self, got: &[Got]) -> Result<Claimed, StoreError> {
        let mut claimed = Claimed::default();
        for (device, gets, number) in got {
            let (package, is_last_resort) = match gets {
                Gets::Nothing => {
                    claimed.missing.push(*device);
                    continue;
                }
                Gets::OneTime => (number.and_then(|number| self.one_time.get(&number)), false),
                Gets::LastResort => (self.last_resorts.get(device), true),
            };
            let package = package.ok_or_else(|| StoreError::Corrupt(format!("the key packages of {device}")))?.clone();
            claimed.packages.push(Given { device: *device, package, is_last_resort });
        }
        Ok(claimed)
    }
}

async fn write(
    db: &mut SqliteConnection,
    claims: &[&mut Claiming],
    decided: &[Result<Vec<Got>, ClaimRefusal>],
) -> Result<(), StoreError> {
    let taken: Vec<(&Claiming, &Vec<Got>)> =
        claims.iter().zip(decided).filter_map(|(one, decided)| Some((&**one, decided.as_ref().ok()?))).collect();
    let numbers: Vec<i64> = taken.iter().flat_map(|(_, got)| got.iter()).filter_map(|(.., number)| *number).collect();
    for numbers in pieces(&numbers, 1) {
        let mut query = QueryBuilder::<Sqlite>::new("UPDATE key_packages SET package = NULL WHERE number IN (");
        push_numbers(&mut query, numbers);
        query.push(")");
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    for taken in pieces(&taken, 3) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO key_package_claims (claimer, at) ");
        query.push_values(taken, |mut tuple, (one, _)| {
            tuple.push_bind(one.claim.from.as_bytes().to_vec()).push_bind(one.now.unix());
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO key_package_answers (id, forget_after, answer) ");
        query.push_values(taken, |mut tuple, (one, _)| {
            let stale = one.claim.created_at.unix() + i64::try_from(CLOCK_SKEW_SECS).unwrap_or(i64::MAX);
            let answer = one.answer.noted().and_then(|answer| answer.as_ref().ok()).map(given::write);
            tuple.push_bind(one.claim.id.as_bytes().to_vec()).push_bind(stale + REMEMBER_SECS);
            tuple.push_bind(answer.unwrap_or_default());
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    let draws = taken.iter().filter(|(one, _)| one.claim.from != one.claim.to).flat_map(|(one, got)| {
        let drawn = got.iter().filter(|(.., number)| number.is_some());
        drawn.map(move |(device, ..)| (one.claim.from, *device, one.now))
    });
    let draws: Vec<(KeyId, KeyId, Timestamp)> = draws.collect();
    for draws in pieces(&draws, 3) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO key_package_draws (claimer, device, at) ");
        query.push_values(draws, |mut tuple, (claimer, device, at)| {
            tuple.push_bind(claimer.as_bytes().to_vec()).push_bind(device.as_bytes().to_vec()).push_bind(at.unix());
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}

fn push_numbers(query: &mut QueryBuilder<Sqlite>, numbers: &[i64]) {
    let mut list = query.separated(", ");
    for number in numbers {
        list.push_bind(*number);
    }
}
