//! Uploads, a group at a time: load what they are about, decide, write. A device's own come one after the other.

use std::collections::{HashMap, HashSet};

use kez_core::key_packages::AdmittedUpload;
use kez_core::registration::CLOCK_SKEW_SECS;
use kez_core::{Hash, KeyId, ServerName, Timestamp};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::{Uploading, count, key};
use crate::StoreError;
use crate::decide::key_packages::{self as decide, UploadView};
use crate::decide::recent::{HOUR, Recent};
use crate::handles::Policy;
use crate::key_packages::{Held, Uploaded};
use crate::sqlite::failed;
use crate::sqlite::handles::hash;
use crate::sqlite::pieces::{pieces, push_blobs};
use crate::sqlite::standing::standings;

/// How long an envelope is remembered once it is stale, in seconds: room for a clock that is set back.
const REMEMBER_SECS: i64 = 3_600;

/// What there is to write of one upload.
struct Taken<'a> {
    upload: &'a AdmittedUpload,
    now: Timestamp,
    stored: Vec<(usize, Hash)>,
}

/// Decides every upload in the order of arrival and writes what follows, without committing.
pub(in crate::sqlite) async fn put(
    db: &mut SqliteConnection,
    uploads: &mut [Uploading],
    policy: &Policy,
) -> Result<(), StoreError> {
    let mut waiting: Vec<_> = uploads.iter_mut().collect();
    while !waiting.is_empty() {
        let mut seen = HashSet::new();
        let (round, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|one| seen.insert(one.envelope.device));
        waiting = later;
        let mut views = views(db, &round, &policy.server).await?;
        let mut taken = Vec::new();
        for Uploading { envelope: upload, now, answer } in round {
            let view = views.remove(&upload.device).unwrap_or_default();
            let decided = decide::upload(&view, upload, *now, &policy.key_packages);
            answer.put(Ok(decided.as_ref().map(|upload| upload.uploaded).map_err(|refusal| *refusal)));
            if let Ok(decide::Upload { uploaded: Uploaded { is_new: true, .. }, stored }) = decided {
                taken.push(Taken { upload, now: *now, stored });
            }
        }
        write(db, &taken).await?;
        trim(db, &taken, policy.key_packages.remembered).await?;
    }
    Ok(())
}

/// What is stored about each of these uploads, which are of different devices.
async fn views(
    db: &mut SqliteConnection,
    uploads: &[&mut Uploading],
    server: &ServerName,
) -> Result<HashMap<KeyId, UploadView>, StoreError> {
    let chains = uploads.iter().map(|one| one.envelope.chain).collect();
    let standings = standings(db, &chains, server).await?;
    let seen = seen(db, uploads).await?;
    let mut views: HashMap<KeyId, UploadView> = HashMap::with_capacity(uploads.len());
    for one in uploads {
        let AdmittedUpload { device, chain, id, .. } = &one.envelope;
        let is_authorised = standings.get(chain).is_some_and(|standing| standing.is_spoken_for_by(device));
        views.insert(*device, UploadView { is_authorised, is_seen: seen.contains(id), ..UploadView::default() });
    }
    // Whoever may not is not worth another question.
    let devices: Vec<KeyId> = views.iter().filter(|(_, view)| view.is_authorised).map(|(device, _)| *device).collect();
    if devices.is_empty() {
        return Ok(views);
    }
    let oldest = uploads.iter().map(|one| one.now.unix()).max().unwrap_or_default() - HOUR;
    let mut query =
        QueryBuilder::<Sqlite>::new("SELECT device, count(*), min(at) FROM key_package_uploads WHERE at > ");
    query.push_bind(oldest).push(" AND device IN (");
    push_blobs(&mut query, devices.iter().map(|device| device.as_bytes().as_slice()));
    query.push(") GROUP BY device");
    let found: Vec<(Vec<u8>, i64, i64)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
    for (device, uploads, first) in found {
        let recent = Recent { count: count(uploads), oldest: Some(Timestamp::from_unix(first)) };
        views.entry(key(&device)?).or_default().uploads = recent;
    }
    for (device, held) in held(db, &devices).await? {
        views.entry(device).or_default().held = held;
    }
    for (device, hash, is_waiting) in known(db, uploads).await? {
        views.entry(device).or_default().known.push((hash, is_waiting));
    }
    Ok(views)
}

/// Which of these envelopes were accepted before.
async fn seen(db: &mut SqliteConnection, uploads: &[&mut Uploading]) -> Result<HashSet<Hash>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT id FROM key_package_uploads WHERE id IN (");
    push_blobs(&mut query, uploads.iter().map(|one| one.envelope.id.as_bytes().as_slice()));
    query.push(")");
    let found: Vec<Vec<u8>> = query.build_query_scalar().fetch_all(db).await.map_err(failed)?;
    let corrupt = || StoreError::Corrupt("the id of an upload".to_owned());
    found.into_iter().map(|id| hash(id).ok_or_else(corrupt)).collect()
}

/// What is here of these devices.
async fn held(db: &mut SqliteConnection, devices: &[KeyId]) -> Result<HashMap<KeyId, Held>, StoreError> {
    let mut all: HashMap<KeyId, Held> = HashMap::new();
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT device, count(*) FROM key_packages WHERE package IS NOT NULL AND device IN (",
    );
    push_blobs(&mut query, devices.iter().map(|device| device.as_bytes().as_slice()));
    query.push(") GROUP BY device");
    let found: Vec<(Vec<u8>, i64)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
    for (device, available) in found {
        all.entry(key(&device)?).or_default().available = count(available);
    }
    let mut query = QueryBuilder::<Sqlite>::new("SELECT device FROM last_resort_packages WHERE device IN (");
    push_blobs(&mut query, devices.iter().map(|device| device.as_bytes().as_slice()));
    query.push(")");
    let found: Vec<Vec<u8>> = query.build_query_scalar().fetch_all(&mut *db).await.map_err(failed)?;
    for device in found {
        all.entry(key(&device)?).or_default().has_last_resort = true;
    }
    Ok(all)
}

/// The listed packages that are known here, each with its device and whether it waits.
async fn known(db: &mut SqliteConnection, uploads: &[&mut Uploading]) -> Result<Vec<(KeyId, Hash, bool)>, StoreError> {
    let listed = uploads.iter().flat_map(|one| {
        let device = one.envelope.device;
        one.envelope.packages.iter().map(move |package| (device, package.hash()))
    });
    let listed: Vec<(KeyId, Hash)> = listed.collect();
    let mut known = Vec::new();
    for listed in pieces(&listed, 2) {
        // As a list of pairs behind IN, SQLite would look at every row for them.
        let mut query = QueryBuilder::<Sqlite>::new("SELECT k.device, k.hash, k.package IS NOT NULL FROM (");
        query.push_values(listed, |mut tuple, (device, hash)| {
            tuple.push_bind(device.as_bytes().to_vec()).push_bind(hash.as_bytes().to_vec());
        });
        query.push(") w CROSS JOIN key_packages k ON k.device = w.column1 AND k.hash = w.column2");
        let found: Vec<(Vec<u8>, Vec<u8>, bool)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
        for (device, package, is_waiting) in found {
            let package = hash(package).ok_or_else(|| StoreError::Corrupt("the hash of a key package".to_owned()))?;
            known.push((key(&device)?, package, is_waiting));
        }
    }
    Ok(known)
}

async fn write(db: &mut SqliteConnection, taken: &[Taken<'_>]) -> Result<(), StoreError> {
    for one in taken.iter().filter(|one| one.upload.replace) {
        replace(db, one.upload).await?;
    }
    let packages: Vec<_> = taken.iter().flat_map(|one| one.stored.iter().map(move |stored| (one, stored))).collect();
    for packages in pieces(&packages, 4) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO key_packages (device, hash, put_at, package) ");
        query.push_values(packages, |mut tuple, (one, (place, hash))| {
            tuple.push_bind(one.upload.device.as_bytes().to_vec()).push_bind(hash.as_bytes().to_vec());
            tuple.push_bind(one.now.unix()).push_bind(one.upload.packages[*place].as_bytes().to_vec());
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    let last: Vec<_> = taken.iter().filter_map(|one| Some((one, one.upload.last_resort.as_ref()?))).collect();
    for last in pieces(&last, 3) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO last_resort_packages (device, put_at, package) ");
        query.push_values(last, |mut tuple, (one, package)| {
            tuple.push_bind(one.upload.device.as_bytes().to_vec()).push_bind(one.now.unix());
            tuple.push_bind(package.as_bytes().to_vec());
        });
        query.push(" ON CONFLICT (device) DO UPDATE SET put_at = excluded.put_at, package = excluded.package");
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    for taken in pieces(taken, 4) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO key_package_uploads (id, device, at, forget_after) ");
        query.push_values(taken, |mut tuple, one| {
            let stale = one.upload.created_at.unix() + i64::try_from(CLOCK_SKEW_SECS).unwrap_or(i64::MAX);
            tuple.push_bind(one.upload.id.as_bytes().to_vec()).push_bind(one.upload.device.as_bytes().to_vec());
            tuple.push_bind(one.now.unix()).push_bind((stale + REMEMBER_SECS).max(one.now.unix() + HOUR));
        });
        query.build().execute(&mut *db).await.map_err(failed)?;
    }
    Ok(())
}

/// Forgets what the device does not list.
async fn replace(db: &mut SqliteConnection, upload: &AdmittedUpload) -> Result<(), StoreError> {
    let listed: Vec<Hash> = upload.packages.iter().map(|package| package.hash()).collect();
    let mut query =
        QueryBuilder::<Sqlite>::new("UPDATE key_packages SET package = NULL WHERE package IS NOT NULL AND device = ");
    query.push_bind(upload.device.as_bytes().to_vec()).push(" AND hash NOT IN (");
    push_blobs(&mut query, listed.iter().map(|hash| hash.as_bytes().as_slice()));
    query.push(")");
    query.build().execute(&mut *db).await.map_err(failed)?;
    let query =
        sqlx::query("DELETE FROM last_resort_packages WHERE device = ?").bind(upload.device.as_bytes().to_vec());
    query.execute(db).await.map(drop).map_err(failed)
}

/// Forgets the oldest packages of devices that had so many that they would fill the disk. Not with each upload: to find the
/// oldest, all of a device's are looked at.
async fn trim(db: &mut SqliteConnection, taken: &[Taken<'_>], remembered: u64) -> Result<(), StoreError> {
    let devices: Vec<KeyId> = taken.iter().filter(|one| !one.stored.is_empty()).map(|one| one.upload.device).collect();
    if devices.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Sqlite>::new("SELECT device, count(*) FROM key_packages WHERE device IN (");
    push_blobs(&mut query, devices.iter().map(|device| device.as_bytes().as_slice()));
    query.push(") GROUP BY device HAVING count(*) > ").push_bind(number(remembered + remembered / 16));
    let found: Vec<(Vec<u8>, i64)> = query.build_query_as().fetch_all(&mut *db).await.map_err(failed)?;
    for (device, rows) in found {
        sqlx::query(
            "DELETE FROM key_packages WHERE number IN (SELECT number FROM key_packages \
             WHERE device = ? AND package IS NULL ORDER BY number LIMIT ?)",
        )
        .bind(device)
        .bind(rows - number(remembered))
        .execute(&mut *db)
        .await
        .map_err(failed)?;
    }
    Ok(())
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
