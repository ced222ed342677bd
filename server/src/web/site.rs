//! What a built site says of itself, and which of its files' names tell their content.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use data_encoding::BASE64URL_NOPAD;
use kez_app::Assets;
use kez_core::Hash;
use serde::Deserialize;

/// The folder inside a site that holds what was compiled.
pub(super) const PKG: &str = "pkg";
/// Where the site says in there for which version it is, and what its pages load.
const ABOUT: &str = "site.json";
/// Characters of a file's SHA-256 in base64url that are in its name.
const HASH_LEN: usize = 22;
/// How the names of the pages' program and style begin where a site does not say them: while it is worked on.
const APP: &str = "kez-chat.";
/// How the name of the message broker's client begins there.
const BROKER: &str = "broker.";

/// What the build wrote (`broker/finish.mjs`).
#[derive(Deserialize)]
struct About {
    version: String,
    script: String,
    wasm: String,
    style: String,
    broker: Option<String>,
}

/// Whether a site belongs to this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It was built with this version.
    Same,
    /// It was built with that one.
    Other(String),
    /// It does not say.
    Unsaid,
}

/// What the pages of the site in `dir` load, and whether it belongs to this program; none where no site was built.
pub(super) fn open(dir: &Path) -> Option<(Assets, Fit)> {
    match about(dir) {
        Some(About { version, script, wasm, style, broker }) => {
            let path = |name: String| format!("/{PKG}/{name}");
            let assets =
                Assets { style: path(style), script: path(script), wasm: path(wasm), broker: broker.map(path) };
            Some((assets, if version == env!("CARGO_PKG_VERSION") { Fit::Same } else { Fit::Other(version) }))
        }
        None => found(dir).map(|assets| (assets, Fit::Unsaid)),
    }
}

/// Whether the site in `dir` belongs to this program; none where there is no site.
pub(crate) fn fit(dir: &Path) -> Option<Fit> {
    open(dir).map(|(_, fit)| fit)
}

fn about(dir: &Path) -> Option<About> {
    serde_json::from_slice(&fs::read(dir.join(PKG).join(ABOUT)).ok()?).ok()
}

/// What the pages of a site load that does not say: the newest files of the right names.
pub(super) fn found(dir: &Path) -> Option<Assets> {
    let pkg = dir.join(PKG);
    let find = |name, extension| newest(&pkg, name, extension).map(|name| format!("/{PKG}/{name}"));
    let (style, script, wasm) = (find(APP, ".css")?, find(APP, ".js")?, find(APP, ".wasm")?);
    Some(Assets { style, script, wasm, broker: find(BROKER, ".js") })
}

fn newest(dir: &Path, name: &str, extension: &str) -> Option<String> {
    let age = |name: &String| fs::metadata(dir.join(name)).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let names = fs::read_dir(dir).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|file| file.starts_with(name) && file.ends_with(extension)).max_by_key(age)
}

/// The paths of files whose names carry the hash of what is in them, `name.hash.ext`: they never get other content.
pub(super) fn immutable(dir: &Path) -> HashSet<String> {
    let entries = fs::read_dir(dir.join(PKG)).into_iter().flatten().flatten();
    let is_named = |name: &String| {
        let bytes = || fs::read(dir.join(PKG).join(name)).ok();
        let mut parts = name.rsplit('.');
        let (_, hash, stem) = (parts.next(), parts.next(), parts.next());
        stem.is_some()
            && hash.is_some_and(|hash| hash.len() == HASH_LEN && bytes().is_some_and(|b| hash_of(&b) == hash))
    };
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(is_named).map(|name| format!("/{PKG}/{name}")).collect()
}

fn hash_of(bytes: &[u8]) -> String {
    let mut text = BASE64URL_NOPAD.encode(Hash::of(bytes).as_bytes());
    text.truncate(HASH_LEN);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(about: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join(PKG)).expect("a folder");
        for name in ["kez-chat.css", "kez-chat.js", "kez-chat.wasm"] {
            fs::write(folder.path().join(PKG).join(name), name).expect("a file");
        }
        if !about.is_empty() {
            fs::write(folder.path().join(PKG).join(ABOUT), about).expect("a file");
        }
        folder
    }

    #[test]
    fn a_site_says_for_which_version_it_is() {
        let about = |version: &str| {
            format!(r#"{{"version":"{version}","script":"a.js","wasm":"b.wasm","style":"c.css","broker":"d.js"}}"#)
        };
        let own = site(&about(env!("CARGO_PKG_VERSION")));
        let (assets, fit) = open(own.path()).expect("a site");
        assert_eq!(
            (assets.script.as_str(), assets.broker.as_deref(), fit),
            ("/pkg/a.js", Some("/pkg/d.js"), Fit::Same)
        );
        assert_eq!(super::fit(site(&about("0.0.9")).path()), Some(Fit::Other("0.0.9".to_owned())));
        // An older one does not say, and neither does one that is worked on.
        let (assets, fit) = open(site("").path()).expect("a site");
        assert_eq!((assets.script.as_str(), fit), ("/pkg/kez-chat.js", Fit::Unsaid));
        assert_eq!(super::fit(tempfile::tempdir().expect("a folder").path()), None);
    }

    #[test]
    fn only_names_that_are_hashes_of_the_content_are_immutable() {
        let folder = site("");
        let write = |name: &str, text: &str| fs::write(folder.path().join(PKG).join(name), text).expect("a file");
        let good = format!("kez-chat.{}.wasm", hash_of(b"new"));
        write(&good, "new");
        // The same name with other bytes, names that only look like it, and a compressed twin.
        write(&format!("kez-chat.{}.js", hash_of(b"old")), "new");
        write("kez-chat.AbC_d-1AbC_d-1AbC_d-1A.js", "new");
        write("style.min.css", "new");
        write(&hash_of(b"new"), "new");
        write(&format!("{good}.br"), "new");
        assert_eq!(immutable(folder.path()), HashSet::from([format!("/pkg/{good}")]));
    }
}
