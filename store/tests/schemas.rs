//! Databases of every version that was released open, are brought up to date, and keep what is in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kez_core::{Handle, KeyId, SigningKey, Timestamp};
use kez_store::handles::Policy;
use kez_store::sigchains::Sigchains;
use kez_store::{Store, conversations, key_packages, sqlite};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tempfile::TempDir;

/// Versions that kept no chains yet.
const WITHOUT_CHAINS: [&str; 1] = ["kez-chat-server-1"];

fn key(seed: u8) -> KeyId {
    SigningKey::from_seed(&[seed; 32]).id()
}

fn handle(text: &str) -> Handle {
    text.parse().expect("a handle")
}

/// The dumps of one program's versions, the oldest first.
fn versions(program: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    let names = fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").file_name());
    let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".sql")?.to_owned()));
    let mut found: Vec<String> = names.filter(|name| name.starts_with(program)).collect();
    found.sort();
    found
}

/// A file as that version left it.
async fn file_of(version: &str) -> (TempDir, PathBuf) {
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{version}.sql"));
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("a.db");
    let mut connection =
        SqliteConnectOptions::new().filename(&db).create_if_missing(true).connect().await.expect("a connection");
    let dump = fs::read_to_string(dump).expect("a dump");
    sqlx::raw_sql(AssertSqlSafe(dump)).execute(&mut connection).await.expect("SQL");
    connection.close().await.expect("it closes");
    (folder, db)
}

/// The steps that were taken of a file's schema.
async fn steps(db: &Path) -> Vec<i64> {
    let mut connection: SqliteConnection =
        SqliteConnectOptions::new().filename(db).connect().await.expect("a connection");
    let steps = sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version");
    let steps = steps.fetch_all(&mut connection).await.expect("steps");
    connection.close().await.expect("it closes");
    steps
}

async fn open(db: &Path) -> Arc<dyn Store> {
    let policy = Policy {
        server: "kez.test".parse().expect("a name"),
        release_hold_secs: 1_000,
        key_packages: key_packages::Limits::default(),
        conversations: conversations::Limits::default(),
        instances: Default::default(),
    };
    sqlite::open(db, policy, Arc::new(())).await.expect("it opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn home_servers_of_every_version_go_on() {
    let versions = versions("kez-chat-server");
    let mut newest = Vec::new();
    for version in &versions {
        let (_folder, db) = file_of(version).await;
        let before = steps(&db).await;
        let store = open(&db).await;
        let row = |name: &str| {
            let (store, handle) = (store.clone(), handle(name));
            async move { store.by_handle(&handle).await.expect("it is there").expect("a row") }
        };
        let has_chains = !WITHOUT_CHAINS.contains(&version.as_str());
        let alice = row("alice").await;
        assert_eq!((alice.primary, alice.standing.chain, alice.standing.active), (key(1), key(1), true), "{version}");
        assert_eq!(alice.standing.head.is_some(), has_chains, "{version}");
        assert_eq!(row("bob").await.primary, key(3), "{version}");
        assert_eq!(row("carol").await.released.map(|release| release.at.unix()), Some(1_779_678_001), "{version}");
        assert_eq!(row("dora").await.standing.active, !has_chains, "{version}: her home is elsewhere");
        let device = store.by_key(&key(2)).await.expect("it is there").map(|row| row.handle);
        assert_eq!(device, has_chains.then(|| handle("alice")), "{version}");
        has_log(&*store, has_chains, version).await;
        store.check().await.expect("it can be written");
        store.close().await;

        let after = steps(&db).await;
        assert!(before.iter().all(|step| after.contains(step)), "{version}: no step got another number");
        newest = if before == after { vec![version] } else { newest };
        let store = open(&db).await;
        assert!(store.by_handle(&handle("alice")).await.expect("it is there").is_some(), "{version}, opened again");
        store.close().await;
    }
    assert_eq!(newest, [versions.last().expect("there are some")], "the newest schema has a file in tests/schemas");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigchain_servers_of_every_version_go_on() {
    let versions = versions("kez-sig-server");
    let mut newest = Vec::new();
    for version in &versions {
        let (_folder, db) = file_of(version).await;
        let before = steps(&db).await;
        let store = sqlite::open_sigchains(&db, Arc::new(())).await.expect("it opens");
        has_log(&*store, true, version).await;
        store.check().await.expect("it can be written");
        store.close().await;
        newest = if before == steps(&db).await { vec![version] } else { newest };
    }
    assert_eq!(newest, [versions.last().expect("there are some")], "the newest schema has a file in tests/schemas");
}

#[tokio::test]
async fn each_program_leaves_the_others_database_alone() {
    let (_folder, db) = file_of("kez-sig-server-2").await;
    let policy = Policy {
        server: "kez.test".parse().expect("a name"),
        release_hold_secs: 0,
        key_packages: key_packages::Limits::default(),
        conversations: conversations::Limits::default(),
        instances: Default::default(),
    };
    let Err(error) = sqlite::open(&db, policy, Arc::new(())).await else { panic!("it is another program's") };
    assert!(error.to_string().contains("no database of kez-chat-server"), "{error}");
    let (_folder, db) = file_of("kez-chat-server-5").await;
    assert!(sqlite::open_sigchains(&db, Arc::new(())).await.is_err(), "it is another program's");
}

/// The log of all chains, as far as the version kept one, and the key that signed its receipts.
async fn has_log(store: &(impl Sigchains + ?Sized), is_kept: bool, version: &str) {
    let rows = store.export(0, 99).await.expect("it is there");
    let indexes: Vec<u64> = rows.iter().map(|row| row.log_index).collect();
    let keys = store.receipt_keys().await.expect("it is there");
    if !is_kept {
        assert!(indexes.is_empty() && keys.is_empty(), "{version}");
        return;
    }
    assert_eq!(indexes, [1, 2, 3, 4, 5], "{version}");
    assert_eq!(keys, [key(200)], "{version}");
    assert_eq!(store.log(&key(1), 0, 9).await.expect("it is there").len(), 3, "{version}");
    assert_eq!(store.newest().await.expect("it is there"), Some(Timestamp::from_unix(1_779_678_001)), "{version}");
    // Where the limits are newer than the log, what was there before them has more room.
    let limited = if has_limits(version) { 0 } else { 5 };
    assert_eq!(store.limited_since().await.expect("it is there"), limited, "{version}");
}

fn has_limits(version: &str) -> bool {
    matches!(
        version,
        "kez-chat-server-3-limits"
            | "kez-chat-server-5"
            | "kez-chat-server-6"
            | "kez-chat-server-7"
            | "kez-chat-server-8"
            | "kez-sig-server-2"
    )
}
