use std::os::unix::fs::symlink;

use kez_core::SigningKey;
use serde_json::{Value, json};

use super::*;
use crate::passphrase::Passphrase;

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.into()).expect("a test's passphrase is neither empty nor long")
}

fn code<T>(result: Result<T, Failure>) -> &'static str {
    result.map_or_else(|failure| failure.code, |_| "fine")
}

fn plain() -> Value {
    let file = KeyFile::new(key(), None).expect("a plain key needs nothing");
    serde_json::from_slice(&file.to_bytes()).expect("a key file is JSON")
}

/// Sealed with `open sesame`, at the least cost that Argon2 knows.
fn sealed() -> Value {
    let sealed = seal::Sealed::seal(&key(), &passphrase("open sesame"), seal::Cost::LEAST).expect("memory suffices");
    json!({ "version": 1, "key": key().id(), "sealed": sealed })
}

fn read(document: &Value) -> Result<KeyFile, format::Broken> {
    KeyFile::from_bytes(document.to_string().as_bytes())
}

fn unlock(document: &Value, with: &str) -> &'static str {
    let file = read(document).expect("the file's shape is right");
    code(file.unlock(|| Ok(Some(passphrase(with)))))
}

#[test]
fn a_created_file_is_private_and_opens() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let path = directory.path().join("new/kez/key.json");
    create(&path, &KeyFile::new(key(), None).expect("a plain key needs nothing")).expect("the path is free");
    let mode = |path: &Path| fs::metadata(path).expect("it was just made").permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&directory.path().join("new")), 0o700);
    assert_eq!(mode(&directory.path().join("new/kez")), 0o700);
    let left: Vec<_> = fs::read_dir(directory.path().join("new/kez")).expect("it is a directory").collect();
    assert_eq!(left.len(), 1, "no temporary file stays behind");
    let opened = open(&path).expect("the file is private and whole");
    assert_eq!(opened.id(), key().id());
    assert_eq!(opened.unlock(|| unreachable!("a plain key needs no passphrase")).expect("plain").seed(), key().seed());
}

#[test]
fn nothing_is_ever_overwritten() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let file = KeyFile::new(key(), None).expect("a plain key needs nothing");
    let taken = directory.path().join("taken");
    fs::write(&taken, "precious").expect("the directory is writable");
    let dangling = directory.path().join("dangling");
    symlink(directory.path().join("nowhere"), &dangling).expect("the directory is writable");
    for path in [&taken, &dangling, &directory.path().to_owned()] {
        assert_eq!(code(create(path, &file)), "key_file_exists", "{}", path.display());
    }
    assert_eq!(fs::read(&taken).expect("it is still there"), b"precious");
    assert!(!directory.path().join("nowhere").exists());
}

#[test]
fn what_others_can_read_is_refused() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let path = directory.path().join("key.json");
    create(&path, &KeyFile::new(key(), None).expect("a plain key needs nothing")).expect("the path is free");
    for (mode, expected) in [
        (0o600, "fine"),
        (0o400, "fine"),
        (0o640, "key_file_unsafe"),
        (0o604, "key_file_unsafe"),
        (0o620, "key_file_unsafe"),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("the file is ours");
        assert_eq!(code(open(&path)), expected, "{mode:o}");
    }
    assert_eq!(code(open(&directory.path().join("none"))), "key_file_missing");
    assert_eq!(code(open(directory.path())), "key_file_broken");
}

#[test]
fn a_sealed_key_opens_with_its_passphrase_only() {
    let document = sealed();
    assert!(!document.to_string().contains("0707"), "the seed is not readable");
    assert_eq!(unlock(&document, "open sesame"), "fine");
    assert_eq!(unlock(&document, "open sesam"), "passphrase_wrong");
    let file = read(&document).expect("the file's shape is right");
    assert_eq!(code(file.unlock(|| Ok(None))), "passphrase_missing");
}

#[test]
fn any_change_to_a_sealed_key_is_noticed() {
    for member in ["salt", "nonce", "ciphertext", "memory_kib", "passes", "lanes"] {
        let mut document = sealed();
        let value = &mut document["sealed"][member];
        *value = match &*value {
            Value::String(hex) => {
                (if hex.starts_with('0') { hex.replacen('0', "1", 1) } else { format!("0{}", &hex[1..]) }).into()
            }
            number => (number.as_u64().expect("costs are numbers") + 8).into(),
        };
        if read(&document).is_ok() {
            assert_eq!(unlock(&document, "open sesame"), "passphrase_wrong", "{member}");
        }
    }
    let mut other_key = sealed();
    other_key["key"] = json!(SigningKey::from_seed(&[8; 32]).id());
    assert_eq!(unlock(&other_key, "open sesame"), "passphrase_wrong");
}

#[test]
fn costs_beyond_reason_are_refused_before_they_are_paid() {
    for (member, value) in [("memory_kib", 512 * 1024 + 1), ("memory_kib", u32::MAX), ("passes", 17), ("lanes", 9)] {
        let mut document = sealed();
        document["sealed"][member] = value.into();
        assert_eq!(read(&document).err(), Some(format::Broken::Costs), "{member}");
    }
    let mut too_cheap = sealed();
    too_cheap["sealed"]["memory_kib"] = 0.into();
    assert_eq!(unlock(&too_cheap, "open sesame"), "passphrase_wrong");
}

#[test]
fn what_is_no_key_file_is_refused() {
    let change = |member: &str, value: Value| {
        let mut document = plain();
        document[member] = value;
        read(&document).err()
    };
    use format::Broken::{Newer, NotOne, OtherKey};
    assert!(read(&plain()).is_ok());
    assert_eq!(change("version", 2.into()), Some(Newer));
    assert_eq!(change("version", 0.into()), Some(NotOne));
    assert_eq!(change("seed", "00".repeat(32).into()), Some(OtherKey));
    assert_eq!(change("seed", "07".repeat(31).into()), Some(NotOne));
    assert_eq!(change("seed", Value::Null), Some(NotOne));
    assert_eq!(change("sealed", sealed()["sealed"].clone()), Some(NotOne), "plain and sealed at once");
    assert_eq!(change("other", 1.into()), Some(NotOne));
    assert_eq!(KeyFile::from_bytes(b"").err(), Some(NotOne));
    assert_eq!(KeyFile::from_bytes(b"-----BEGIN").err(), Some(NotOne));
}

/// A text as an editor or a shell may save it: with a byte order mark, as UTF-16.
fn saved(text: &str) -> [Vec<u8>; 3] {
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [[b"\xef\xbb\xbf", text.as_bytes()].concat(), [b"\xff\xfe".as_slice(), &utf_16].concat(), utf_16]
}

#[test]
fn a_key_file_that_an_editor_saved_is_one() {
    for document in [plain(), sealed()] {
        for bytes in saved(&format!("{document:#}\r\n")) {
            assert_eq!(KeyFile::from_bytes(&bytes).map(|file| file.id()), Ok(key().id()), "{bytes:x?}");
        }
    }
    assert_eq!(KeyFile::from_bytes(b"\xff\xfe\x00\xd8").map(|file| file.id()), Err(format::Broken::NotOne));
}

#[test]
fn a_passphrase_is_the_text_of_its_file() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let path = directory.path().join("phrase");
    let unlock = |document: &Value| {
        let file = read(document).expect("the file's shape is right");
        code(file.unlock(|| crate::passphrase::given(Some(&path))))
    };
    for bytes in saved("open sesame\r\nmore\r\n") {
        fs::write(&path, &bytes).expect("the folder is writable");
        assert_eq!(unlock(&sealed()), "fine", "{bytes:x?}");
        // What an older version sealed with these very bytes.
        let line = bytes.split(|b| *b == b'\n').next().expect("a line");
        let as_written = Passphrase::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec()).expect("a passphrase");
        let by_bytes = seal::Sealed::seal(&key(), &as_written, seal::Cost::LEAST).expect("memory suffices");
        assert_eq!(unlock(&json!({ "version": 1, "key": key().id(), "sealed": by_bytes })), "fine", "{bytes:x?}");
    }
    fs::write(&path, b"\xef\xbb\xbfopen\n").expect("the folder is writable");
    assert_eq!(unlock(&sealed()), "passphrase_wrong");
}
