//! Claims, a group at a time: load what they are about, decide one after the other in memory, write what was given.

mod memory;
mod packages;

use std::collections::{HashMap, HashSet};

use kez_core::registration::CLOCK_SKEW_SECS;
use kez_core::{Hash, KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use self::memory::Memory;
use self::packages::Packages;
use super::{Claiming, given};
use crate::StoreError;
use crate::decide::key_packages::Gets;
use crate::handles::Policy;
use crate::key_packages::{ClaimRefusal, Claimed};
use crate::sqlite::failed;
use crate::sqlite::handles::hash;
use crate::sqlite::pieces::{pieces, push_blobs};

/// How long an answer is remembered once its claim is stale, in seconds. Answers are large; a claim that comes again when its
/// answer is forgotten, because a clock was set back, is another claim.
const REMEMBER_SECS: i64 = 60;

/// What a claim gets of a device, with the number of a one-time package.
type Got = (KeyId, Gets, Option<i64>);

/// Decides every claim in the order of arrival and writes what follows, without committing.
pub(in crate::sqlite) async fn give(
    db: &mut SqliteConnection,
    claims: &mut [Claiming],
    policy: &Policy,
) -> Result<(), StoreError> {
    let answered = answered(db, claims).await?;
    let mut first = HashSet::new();
    let (mut new, again): (Vec<_>, Vec<_>) =
        claims.iter_mut().partition(|one| !answered.contains_key(&one.envelope.id) && first.insert(one.envelope.id));
    let mut memory = Memory::load(db, &new, policy).await?;
    let decided: Vec<_> = new.iter().map(|one| memory.decide(&one.envelope, one.now, policy)).collect();
    let packages = Packages::load(db, &decided).await?;
    for (one, decided) in new.iter_mut().zip(&decided) {
        let answer = match decided {
            Ok(gets) => Ok(packages.answer(gets)?),
            Err(refusal) => Err(*refusal),
        };
        one.answer.put(Ok(answer));
    }
    for one in again {
        let before = answered.get(&one.envelope.id).map(|claimed| Ok(claimed.clone()));
        // One that came twice at once is answered as the first was.
        let first = || new.iter().find(|first| first.envelope.id == one.envelope.id)?.answer.noted().cloned();
        if let Some(same) = before.or_else(first) {
            one.answer.put(Ok(same));
        }
    }
    write(db, &new, &decided).await
}

/// What those of these claims were answered that were answered before.
async fn answered(db: &mut SqliteConnection, claims: &[Claiming]) -> Result<HashMap<Hash, Claimed>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT id, answer FROM key_package_answers WHERE id IN (");
    push_blobs(&mut query, claims.iter().map(|one| one.envelope.id.as_bytes().as_slice()));
    query.push(")");
    let found: Vec<(Vec<u8>, Vec<u8>)> = query.build_query_as().fetch_all(db).await.map_err(failed)?;
    let corrupt = || StoreError::Corrupt("the id of a claim".to_owned());
    found.into_iter().map(|(id, answer)| Ok((hash(id).ok_or_else(corrupt)?, given::read(&answer)?))).collect()
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
            tuple.push_bind(one.envelope.from.as_bytes().to_vec()).push_bind(one.now.unix());
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO key_package_answers (id, forget_after, answer) ");
        query.push_values(taken, |mut tuple, (one, _)| {
            let stale = one.envelope.created_at.unix() + i64::try_from(CLOCK_SKEW_SECS).unwrap_or(i64::MAX);
            let answer = one.answer.noted().and_then(|answer| answer.as_ref().ok()).map(given::write);
            tuple.push_bind(one.envelope.id.as_bytes().to_vec()).push_bind(stale + REMEMBER_SECS);
            tuple.push_bind(answer.unwrap_or_default());
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    let draws = taken.iter().filter(|(one, _)| one.envelope.from != one.envelope.to).flat_map(|(one, got)| {
        let drawn = got.iter().filter(|(.., number)| number.is_some());
        drawn.map(move |(device, ..)| (one.envelope.from, *device, one.now))
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
