//! Which file a path names. SQLite keeps an open file alive after somebody deleted or replaced it, and would go on
//! writing where nobody will ever look; so the path is compared with what was opened before each use.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::StoreError;

/// A file's identity: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    /// The file that `path` names now. One system call; short enough to make on the runtime.
    pub(super) fn of(path: &Path) -> Result<FileId, StoreError> {
        let metadata = std::fs::metadata(path)
            .map_err(|error| StoreError::Unavailable(format!("its file cannot be found: {error}")))?;
        Ok(FileId(metadata.dev(), metadata.ino()))
    }
}
