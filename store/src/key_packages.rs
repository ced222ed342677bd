//! Key packages of devices: one-time ones, each of which is given away once, and what is given when there are none.

use async_trait::async_trait;
use kez_core::key_packages::{AdmittedClaim, AdmittedUpload};
use kez_core::{KeyId, Timestamp};

use crate::{Database, StoreError};

/// How much is taken of anybody, and given to anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One-time packages that a device may have here.
    pub waiting: u64,
    /// Uploads that a device may make in an hour.
    pub uploads_per_hour: u64,
    /// Claims that an identity may make in an hour.
    pub claims_per_hour: u64,
    /// One-time packages that an identity gets of one device of another identity in a day.
    pub draws_per_day: u64,
    /// Packages of a device that are known again for a hundred days; beyond that the oldest are forgotten.
    pub remembered: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { waiting: 100, uploads_per_hour: 60, claims_per_hour: 120, draws_per_day: 4, remembered: 20_000 }
    }
}

/// What is here of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// One-time packages that wait.
    pub available: u64,
    /// Whether there is one of last resort.
    pub has_last_resort: bool,
}

/// An accepted upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// What is here of the device now.
    pub held: Held,
    /// Whether this request changed something; `false` when the envelope was accepted before.
    pub is_new: bool,
}

/// Why nothing of an upload was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadRefusal {
    /// The signer does not stand for the chain, or that has no live handle here.
    NotAuthorised,
    /// The device would have more than it may.
    TooMany,
    /// The device uploads too often; so many seconds until it may again.
    TooOften(u64),
}

/// A package that was given away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Whose it is.
    pub device: KeyId,
    /// The package.
    pub package: Vec<u8>,
    /// Whether others get the same.
    pub is_last_resort: bool,
}

/// What a claim was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// One package for each wanted device that is active and has one.
    pub packages: Vec<Given>,
    /// Wanted active devices that have none.
    pub missing: Vec<KeyId>,
}

/// Why a claim got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimRefusal {
    /// The signer does not stand for the claiming identity, or that has no live handle here.
    NotAuthorised,
    /// The other identity never had a handle here.
    NotFound,
    /// The other identity's handle was released.
    Gone(Timestamp),
    /// The identity claims too often; so many seconds until it may again.
    TooOften(u64),
}

/// A durable directory of key packages.
#[async_trait]
pub trait KeyPackages: Database {
    /// Takes an upload in, atomically with every check that depends on what is stored. When this returns `Ok(Ok(_))` the
    /// packages are durable. One that the device put here in the last hundred days is not stored again. Where an identity
    /// loses a key, what is here of that key is gone in the same transaction.
    async fn put_packages(
        &self,
        upload: AdmittedUpload,
        now: Timestamp,
    ) -> Result<Result<Uploaded, UploadRefusal>, StoreError>;

    /// Gives packages away. When this returns `Ok(Ok(_))` it is durable that the one-time ones are gone: each goes to one
    /// claim, ever, however many race. The same claim again, as long as it is not stale, gets the same answer.
    async fn claim_packages(
        &self,
        claim: AdmittedClaim,
        now: Timestamp,
    ) -> Result<Result<Claimed, ClaimRefusal>, StoreError>;
}
