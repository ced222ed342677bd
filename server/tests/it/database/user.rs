//! The program as a user whom file modes bind. Root is bound by none, so root's tests run it as somebody else.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::program::PROGRAM;

/// By custom, a user to whom nothing belongs.
const NOBODY: u32 = 65_534;

pub(super) struct User {
    /// The user's number.
    pub(super) id: u32,
    is_another: bool,
    /// A folder that the user may enter.
    folder: TempDir,
    program: PathBuf,
}

impl User {
    pub(super) fn new() -> User {
        let folder = tempfile::tempdir().expect("a folder");
        mode(folder.path(), 0o755);
        match fs::metadata(folder.path()).expect("it is there").uid() {
            0 => {
                // Root's build may lie where nobody else may look.
                let program = folder.path().join("kez-chat-server");
                fs::copy(PROGRAM, &program).expect("a copy");
                User { id: NOBODY, is_another: true, folder, program }
            }
            id => User { id, is_another: false, folder, program: PathBuf::from(PROGRAM) },
        }
    }

    /// A folder of this mode in the user's, which belongs to whoever runs the tests.
    pub(super) fn folder(&self, name: &str, of_mode: u32) -> PathBuf {
        let folder = self.folder.path().join(name);
        fs::create_dir(&folder).expect("a folder");
        mode(&folder, of_mode);
        folder
    }

    /// Gives to the user what lies at `path`.
    pub(super) fn give(&self, path: &Path) {
        if self.is_another {
            std::os::unix::fs::chown(path, Some(self.id), Some(self.id)).expect("root gives");
        }
    }

    /// Runs the program to its end: the exit code, and what it said.
    pub(super) fn run(&self, flags: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir(self.folder.path()).args(flags);
        if self.is_another {
            command.uid(self.id).gid(self.id);
        }
        let ended = command.output().expect("it runs");
        let text = [ended.stdout, ended.stderr].concat();
        (ended.status.code(), String::from_utf8(text).expect("UTF-8"))
    }
}

impl Drop for User {
    /// What nobody may enter, nobody can remove.
    fn drop(&mut self) {
        for entry in fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                mode(&entry.path(), 0o755);
            }
        }
    }
}

pub(super) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}
