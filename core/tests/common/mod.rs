//! The vectors, embedded so that the same checks run natively and in wasm32, and the check of every kind.
//!
//! The format is described in `core/vectors/README.md`.

use include_dir::{Dir, include_dir};
use kez_core::{Code, Problem};
use serde::de::DeserializeOwned;

mod by_device;
pub(crate) mod canonical;
pub(crate) mod chat_instance;
pub(crate) mod contact_request;
pub(crate) mod conversation_start;
pub(crate) mod envelope;
pub(crate) mod key_packages;
pub(crate) mod keys;
pub(crate) mod nats_login;
pub(crate) mod nkey;
pub(crate) mod registration;
pub(crate) mod sigchain;
pub(crate) mod webfinger;

/// Everything under `core/vectors`.
static VECTORS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/vectors");

/// Runs `check` on every case of one folder, and fails naming every case that it refuses.
fn each<T: DeserializeOwned>(folder: &str, check: impl Fn(T) -> Result<(), String>) {
    let files: Vec<_> = VECTORS.get_dir(folder).into_iter().flat_map(Dir::files).collect();
    assert!(!files.is_empty(), "no vectors in {folder}");
    let failures: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let case = serde_json::from_slice(file.contents()).map_err(|error| error.to_string());
            case.and_then(&check).err().map(|why| format!("{}: {why}", file.path().display()))
        })
        .collect();
    assert!(failures.is_empty(), "{} of {} failed\n{}", failures.len(), files.len(), failures.join("\n"));
}

/// Compares what is embedded with what is on disk: a build keeps no watch on files that are added later.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn nothing_is_missing() {
    fn compare(dir: &Dir<'_>) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(dir.path());
        let on_disk = std::fs::read_dir(&path).into_iter().flatten().count();
        assert_eq!(dir.entries().len(), on_disk, "{} changed: touch core/tests/common/mod.rs", path.display());
        dir.dirs().for_each(compare);
    }
    compare(&VECTORS);
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("{what} is {got:?}, not {wanted:?}")) }
}

/// The refusal's code is the wanted one, and its detail is a sentence.
fn refused<T: std::fmt::Debug>(result: Result<T, Problem>, code: &str) -> Result<Problem, String> {
    let wanted = Code::from_text(code).ok_or_else(|| format!("{code} is no code"))?;
    match result {
        Ok(value) => Err(format!("accepted as {value:?}, not refused as {code}")),
        Err(problem) if problem.code != wanted => Err(format!("refused as {problem}, not as {code}")),
        Err(problem) if !problem.detail.ends_with('.') => Err(format!("{:?} is no sentence", problem.detail)),
        Err(problem) => Ok(problem),
    }
}
