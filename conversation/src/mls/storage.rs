//! Where the library keeps groups and the private keys of key packages: in the machine's own memory, so that what it
//! writes is part of the step's one write.

use std::convert::Infallible;

use mls_rs::mls_rs_codec::{MlsDecode as _, MlsEncode as _};
use mls_rs::{GroupStateStorage, KeyPackageStorage};
use mls_rs_core::group::{EpochRecord, GroupState};
use mls_rs_core::key_package::KeyPackageData;
use zeroize::Zeroizing;

use crate::mls::{Cid, Place};
use crate::store::Store;

/// One life of each group.
#[derive(Clone)]
pub(super) struct Groups {
    pub(super) store: Store,
    pub(super) life: u32,
}

impl Groups {
    /// What a group's keys begin with. Ids that are none of a conversation have nothing stored and get nothing stored that
    /// anybody would find.
    fn prefix(&self, group_id: &[u8]) -> String {
        let cid = group_id.try_into().map_or(Cid([0; 16]), Cid);
        Place { cid, life: self.life }.prefix()
    }
}

pub(crate) fn epoch_key(prefix: &str, epoch: u64) -> String {
    format!("{prefix}epoch/{epoch:016x}")
}

impl GroupStateStorage for Groups {
    type Error = Infallible;

    fn state(&self, group_id: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Infallible> {
        Ok(self.store.bytes(&(self.prefix(group_id) + "state")))
    }

    fn epoch(&self, group_id: &[u8], epoch: u64) -> Result<Option<Zeroizing<Vec<u8>>>, Infallible> {
        Ok(self.store.bytes(&epoch_key(&self.prefix(group_id), epoch)))
    }

    fn write(
        &mut self,
        state: GroupState,
        inserts: Vec<EpochRecord>,
        updates: Vec<EpochRecord>,
    ) -> Result<(), Infallible> {
        let prefix = self.prefix(&state.id);
        self.store.put_bytes(&(prefix.clone() + "state"), state.data);
        for record in inserts.into_iter().chain(updates) {
            self.store.put_bytes(&epoch_key(&prefix, record.id), record.data);
        }
        Ok(())
    }

    /// None: which past epochs are kept is the machine's decision, and the library would refuse to go on behind a gap.
    fn max_epoch_id(&self, _: &[u8]) -> Result<Option<u64>, Infallible> {
        Ok(None)
    }
}

/// The private keys of packages, by the package's reference.
#[derive(Clone)]
pub(super) struct Packages {
    pub(super) store: Store,
}

pub(crate) fn package_key(reference: &str) -> String {
    format!("package/{reference}")
}

impl KeyPackageStorage for Packages {
    type Error = Infallible;

    fn delete(&mut self, id: &[u8]) -> Result<(), Infallible> {
        self.store.delete(&package_key(&const_hex::encode(id)));
        Ok(())
    }

    fn insert(&mut self, id: Vec<u8>, package: KeyPackageData) -> Result<(), Infallible> {
        // A vector in memory takes whatever is written to it.
        if let Ok(bytes) = package.mls_encode_to_vec() {
            self.store.put_bytes(&package_key(&const_hex::encode(id)), Zeroizing::new(bytes));
        }
        Ok(())
    }

    fn get(&self, id: &[u8]) -> Result<Option<KeyPackageData>, Infallible> {
        let bytes = self.store.bytes(&package_key(&const_hex::encode(id)));
        Ok(bytes.and_then(|bytes| KeyPackageData::mls_decode(&mut &bytes[..]).ok()))
    }
}
