//! How SQLite answers each question about key packages: by an index, whatever is stored.

use std::sync::Arc;

use kez_core::key_packages::{AdmittedClaim, AdmittedUpload, KeyPackage};
use kez_core::registration::Statement;
use kez_core::{Admission, Hash, ServerName, SigningKey, Timestamp};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::{Claiming, Uploading, forget, give, prune, put};
use crate::conversations;
use crate::handles::Policy;
use crate::key_packages::Limits;
use crate::sqlite::answer::Answer;
use crate::sqlite::open;
use crate::sqlite::plans::Statements;

fn now() -> Timestamp {
    Timestamp::from_unix(1_779_678_000)
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
    let statements = Statements::listen();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kez.db");
    let server: ServerName = "kez.test".parse().expect("a name");
    let policy = Policy {
        server: server.clone(),
        release_hold_secs: 0,
        key_packages: Limits::default(),
        conversations: conversations::Limits::default(),
        instances: Default::default(),
    };
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

    let seen = statements.judge(&mut db).await;
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
