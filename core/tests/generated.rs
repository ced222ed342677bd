//! The files under `core/vectors` are the given ones, untouched, and exactly what the generator makes.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

#[path = "../examples/make_vectors/cases/mod.rs"]
mod cases;
#[path = "../examples/make_vectors/forge.rs"]
mod forge;

/// SHA-256 over each given file's path, a line feed and its bytes, in the order of [`cases::GIVEN`].
const GIVEN_SHA256: &str = "a2ffbf4f7e38be0020a43a0afdacd939f9ce6b4cd717d76d86528dde54ec3941";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_given_vectors_are_untouched() {
    let mut hash = Sha256::new();
    for name in cases::GIVEN {
        hash.update(format!("{name}\n{}", read(name)));
    }
    assert_eq!(const_hex::encode(hash.finalize()), GIVEN_SHA256);
}

#[test]
fn our_vectors_are_what_the_generator_makes() {
    for (name, text) in cases::all() {
        assert!(read(&name) == text, "{name} is out of date: run cargo run -p kez-core --example make_vectors");
    }
}

#[test]
fn there_are_no_other_files() {
    let ours = cases::all().into_keys();
    let wanted: BTreeSet<_> = ours.chain(cases::GIVEN.map(String::from)).chain(["README.md".to_owned()]).collect();
    let mut found = BTreeSet::new();
    collect(&folder(), &mut found);
    assert_eq!(found, wanted);
}

fn collect(dir: &Path, out: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), out);
        } else if let Ok(path) = entry.path().strip_prefix(folder()) {
            out.insert(path.to_string_lossy().into_owned());
        }
    }
}
