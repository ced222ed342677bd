//! The packages themselves, once it is decided who gets them.

use std::collections::{HashMap, HashSet};

use kez_core::KeyId;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::{Got, push_numbers};
use crate::StoreError;
use crate::decide::key_packages::Gets;
use crate::key_packages::{ClaimRefusal, Claimed, Given};
use crate::sqlite::failed;
use crate::sqlite::key_packages::key;
use crate::sqlite::pieces::{pieces, push_blobs};

/// The packages that a group of claims gets.
pub(super) struct Packages {
    one_time: HashMap<i64, Vec<u8>>,
    last_resorts: HashMap<KeyId, Vec<u8>>,
}

impl Packages {
    pub(super) async fn load(
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

    pub(super) fn answer(&self, got: &[Got]) -> Result<Claimed, StoreError> {
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
