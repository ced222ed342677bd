//! Which life each device's state of conversations is in: of copies and restored ones, only one is let on.

use async_trait::async_trait;
use kez_core::chat_instance::AdmittedInstance;
use kez_core::{KeyId, Timestamp};

use crate::{Database, StoreError};

/// What names one life of a device's state: 16 bytes that it drew at random.
pub type Instance = [u8; 16];

/// How often a device may begin another life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instances that are accepted of a device in an hour.
    pub accepted_per_hour: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { accepted_per_hour: 60 }
    }
}

/// The instance that is kept of a device now, which is the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The device.
    pub device: KeyId,
    /// Its instance.
    pub instance: Instance,
    /// Whether this request changed it; `false` when it was kept already.
    pub is_new: bool,
}

/// Why an instance is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceRefusal {
    /// The signer does not stand for the chain, or that has no live handle here.
    NotAuthorised,
    /// Another instance came after the one that this one says to follow, or after this one.
    Conflict,
    /// The device begins too many; so many seconds until it may begin another one.
    TooOften(u64),
}

/// A durable note of each device's instance. It stays when the key stops being active: a revocation may be undone, and then a
/// copy of the device's state is a copy all the same.
#[async_trait]
pub trait Instances: Database {
    /// Keeps an instance in the place of the one that it follows, atomically with every check that depends on what is stored.
    /// When this returns `Ok(Ok(_))` it is durable. Of any number of racing calls that follow one instance, one is answered
    /// as new; and no instance that another one followed is ever kept again by an envelope that was signed before.
    async fn put_instance(
        &self,
        instance: AdmittedInstance,
        now: Timestamp,
    ) -> Result<Result<Kept, InstanceRefusal>, StoreError>;
}
