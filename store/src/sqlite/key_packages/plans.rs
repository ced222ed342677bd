//! How SQLite answers each question about key packages: by an index, whatever is stored.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use kez_core::key_packages::{AdmittedClaim, AdmittedUpload, KeyPackage};
use kez_core::registration::Statement;
use kez_core::{Admission, Hash, ServerName, SigningKey, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use super::{Claiming, Uploading, forget, give, prune, put};
use crate::handles::Policy;
use crate::key_packages::Limits;
use crate::sqlite::answer::Answer;
use crate::sqlite::open;

fn now() -> Timestamp {
    Timestamp::from_unix(1_779_678_000)
}

/// The statements that the library reported.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Statements {
    fn record_str(&mut self, field: &Field, value: &str) {
        // A short one is the whole summary.
        if matches!(field.name(), "db.statement" | "summary") && !value.is_empty() && !value.ends_with('…') {
            self.0.lock().expect("nobody panicked").push(value.trim().to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn package(number: u8) -> KeyPackage {
    let bytes = [&[0, 1, 0, 5, 0, 1, 0, 3], [number; 100].as_slice()].concat();
    KeyPackage::from_bytes(bytes).expect("it begins as one")
}

async fn upload(db: &mut SqliteConnection, policy: &Policy, replace: bool, number: u8) {
    let packages = (0..3).map(|one| package(number + one)).collect();
    let (device, id) = (key(1).id(), Hash::of(&[number]));
    let upload = AdmittedUpload {
        device,
        chain: device,
        created_at: now(),
        id,
        replace,
        packages,
        last_resort: Some(package(9)),
    };
    put(db, &mut [Uploading::new(upload, now(), Answer::new().0)], policy).await.expect("it is stored");
}

async fn claims(db: &mut SqliteConnection, policy: &Policy, ids: &[u8]) {
    let (from, to) = (key(2).id(), key(1).id());
    let claim = |id: &u8| AdmittedClaim {
        signer: from,
        from,
        to,
        created_at: now(),
        id: Hash::of(&[*id]),
        devices: Vec::new(),
    };
    let mut asked: Vec<Claiming> = ids.iter().map(|id| Claiming::new(claim(id), now(), Answer::new().0)).collect();
    give(db, &mut asked, policy).await.expect("it is stored");
}

#[tokio::test]
async fn no_question_scans_a_table() {
    let statements = Statements::default();
    let subscriber = tracing_subscriber::registry().with(statements.clone());
    tracing::subscriber::set_global_default(subscriber).expect("no other test has one");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kez.db");
    let server: ServerName = "kez.test".parse().expect("a name");
    let policy = Policy { server: server.clone(), release_hold_secs: 0, key_packages: Limits::default() };
    let store = open(&path, policy.clone(), Arc::new(())).await.expect("a database");
    for (name, seed) in [("alice", 1), ("bob", 2)] {
        let statement = Statement::registration(name.parse().expect("a handle"), server.clone(), now());
        let admitted = Admission { server: &server, now: now() }.registration(&statement.sign(&key(seed)));
        store.register(admitted.expect("a good one"), now()).await.expect("it is there").expect("it is free");
    }
    store.close().await;

    // The store's own connections report nothing.
    let mut db = SqliteConnectOptions::new().filename(&path).connect().await.expect("a connection");
    // With which one device has more rows than are remembered.
    let few = Policy { key_packages: Limits { remembered: 0, ..Limits::default() }, ..policy.clone() };
    upload(&mut db, &policy, false, 10).await;
    claims(&mut db, &policy, &[1]).await;
    claims(&mut db, &policy, &[2, 3, 1, 3]).await;
    claims(&mut db, &policy, &[4, 5]).await;
    upload(&mut db, &few, true, 20).await;
    forget(&mut db, &[key(1).id(), key(2).id()]).await.expect("it is done");
    prune(&mut db, now()).await.expect("it is done");

    let mut asked = statements.0.lock().expect("nobody panicked").clone();
    asked.sort();
    asked.dedup();
    let mut seen = String::new();
    for sql in asked {
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
            .fetch_all(&mut db)
            .await
            .expect("a plan");
        // What a statement brings along is looked at from its beginning to its end.
        let brought = ["(subquery", "CONSTANT ROW", "VALUES CLAUSE"];
        let is_brought = |what: &str| what == "w" || brought.iter().any(|words| what.contains(words));
        let is_scan = |step: &str| step.strip_prefix("SCAN ").is_some_and(|what| !is_brought(what));
        // The first so many rows in their own order are looked at without an index.
        let is_bounded = sql.contains("ORDER BY number LIMIT ?2");
        assert!(is_bounded || !plan.iter().any(|step| is_scan(&step.3)), "{sql}\n{plan:?}");
        seen.push_str(&sql);
    }
    for table in [
        "key_packages",
        "last_resort_packages",
        "key_package_uploads",
        "key_package_claims",
        "key_package_answers",
        "key_package_draws",
    ] {
        for what in ["FROM", "INSERT INTO", "DELETE FROM"] {
            assert!(seen.contains(&format!("{what} {table}")), "there is no {what} {table}");
        }
    }
}
