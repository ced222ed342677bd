//! Sigchains that another server keeps, as far as they were taken in.

use async_trait::async_trait;
use kez_core::sigchain::{Claim, Reason, Summary};
use kez_core::{Hash, KeyId, Sorted};

use crate::{Database, StoreError};

/// What a chain of another server comes to.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Who speaks for the identity.
    pub summary: Summary,
    /// What the identity claims, by the claims' ids; none when that is as it was.
    pub claims: Option<Sorted<Hash, Claim>>,
}

/// What came of a chain of another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was taken in.
    Whole,
    /// It was taken in, but for keys that stand for another identity here: they go on to.
    InPart,
    /// Its primary stands for another identity here. Nothing changed.
    Refused(Reason),
    /// The database could not take in this one. Nothing changed.
    Failed(String),
}

/// Durable knowledge of another server's chains. Handles follow them as they follow those that are kept here.
#[async_trait]
pub trait Following: Database {
    /// Takes in what these chains of the sigchain server at `url` come to, durably, and that its log was followed up to
    /// `log_index`, where there is one. Gives an answer for each, in their order; one that cannot be taken in spoils no
    /// other. Those that are not taken in whole, and those of `behind`, are remembered until they are.
    async fn follow(
        &self,
        url: &str,
        chains: Vec<Followed>,
        behind: Vec<KeyId>,
        log_index: Option<u64>,
    ) -> Result<Vec<Taken>, StoreError>;

    /// The chains of the sigchain server at `url` that are remembered as not taken in.
    async fn behind(&self, url: &str) -> Result<Vec<KeyId>, StoreError>;

    /// The claims of a chain that was taken in, by their ids.
    async fn followed_claims(&self, chain: &KeyId) -> Result<Sorted<Hash, Claim>, StoreError>;

    /// What was taken in of a chain last: how many entries its audit log had, and the last one's id.
    async fn followed(&self, chain: &KeyId) -> Result<Option<(u64, Hash)>, StoreError>;

    /// Up to which entry the log of the sigchain server at `url` was followed; 0 when it never was.
    async fn followed_to(&self, url: &str) -> Result<u64, StoreError>;
}
