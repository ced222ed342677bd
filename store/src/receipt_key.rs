//! The server's own key, which signs receipts: made once, kept beside the database, readable by its owner alone.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use kez_core::SigningKey;
use kez_core::text::decode;
use zeroize::Zeroizing;

use crate::sqlite::place::{Use, obstacle};

/// Where the key of the database at `db` is kept: `<db>.receipt-key`, the seed as 64 hex digits and a line feed.
#[must_use]
pub fn path(db: &Path) -> PathBuf {
    let mut name = db.as_os_str().to_owned();
    name.push(".receipt-key");
    PathBuf::from(name)
}

/// Reads the key, or makes one if there is none. Taking the file away makes the next start use a new key; the old
/// one's public half stays in the database.
///
/// # Errors
/// A sentence that says what is wrong with the file.
pub fn load_or_make(path: &Path) -> Result<SigningKey, String> {
    let say = |what: String| format!("{}: {what}", path.display());
    match File::open(path) {
        Ok(file) => read(file).map_err(say),
        Err(error) if error.kind() == ErrorKind::NotFound => make(path).map_err(say),
        Err(error) => {
            Err(say(obstacle(path, Use::Read).unwrap_or_else(|| format!("the receipt key cannot be read: {error}"))))
        }
    }
}

fn read(mut file: File) -> Result<SigningKey, String> {
    let mode = file.metadata().map_err(|error| error.to_string())?.mode();
    if mode & 0o077 != 0 {
        return Err("others may read the receipt key; run chmod 600 on it".to_owned());
    }
    let mut text = Zeroizing::new(Vec::new());
    file.read_to_end(&mut text).map_err(|error| format!("the receipt key cannot be read: {error}"))?;
    let seed = decode(&text).and_then(|text| const_hex::decode_to_array::<_, 32>(text.trim()).ok()).map(Zeroizing::new);
    let seed = seed
        .ok_or("this is no receipt key, which is 64 hex digits; restore it, or take it away to start with a new one")?;
    Ok(SigningKey::from_seed(&seed))
}

#[expect(clippy::disallowed_methods, reason = "the one place of this program that asks the system for randomness")]
fn make(path: &Path) -> Result<SigningKey, String> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|error| format!("the system gives no randomness: {error}"))?;
    let text = Zeroizing::new(format!("{}\n", Zeroizing::new(const_hex::encode(*seed)).as_str()));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // A receipt must not outlive its key: the file's name has to be on the disk too.
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    });
    written.map_err(|error| {
        obstacle(path, Use::Write).unwrap_or_else(|| format!("the receipt key cannot be written: {error}"))
    })?;
    Ok(SigningKey::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = path(&folder.path().join("sig.db"));
        assert!(file.ends_with("sig.db.receipt-key"));
        let key = load_or_make(&file).expect("a key").id();
        assert_eq!(std::fs::metadata(&file).expect("a file").mode() & 0o777, 0o600);
        assert_eq!(load_or_make(&file).map(|key| key.id()), Ok(key));
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("it is ours");
        assert!(load_or_make(&file).is_err_and(|error| error.contains("chmod 600")));
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("it is ours");
        std::fs::write(&file, "nonsense").expect("it is ours");
        assert!(load_or_make(&file).is_err_and(|error| error.contains("no receipt key")));
    }
}
