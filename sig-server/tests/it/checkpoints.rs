//! What is kept of a verified chain, so that it is verified once: believed only if this server kept it, and no longer than the
//! rows that it stands for.

use std::time::Duration;

use kez_sig_server::limits::Limits;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use crate::harness::{OPEN, Server, key};
use crate::owner::Owner;

/// A checkpoint after every fourth entry.
fn often() -> Limits {
    Limits { unkept: 4, ..Limits::default() }
}

async fn start(folder: TempDir) -> Server {
    Server::start_limited(folder, &OPEN, often()).await
}

async fn database(folder: &TempDir) -> SqliteConnection {
    SqliteConnectOptions::new().filename(folder.path().join("sig.db")).connect().await.expect("a connection")
}

async fn run(folder: &TempDir, sql: &'static str) {
    let mut db = database(folder).await;
    let done = sqlx::raw_sql(sql).execute(&mut db).await.expect("SQL");
    assert_eq!(done.rows_affected(), 1, "{sql}");
    db.close().await.expect("it closes");
}

async fn checkpoints(folder: &TempDir) -> Vec<Vec<u8>> {
    let mut db = database(folder).await;
    sqlx::query_scalar("SELECT content FROM checkpoints ORDER BY chain").fetch_all(&mut db).await.expect("rows")
}

/// A stopped server with a chain of six events, of which a checkpoint knows the first four.
async fn kept() -> (TempDir, Owner) {
    let server = start(tempfile::tempdir().expect("a folder")).await;
    let mut owner = Owner::start(&server, 1).await;
    for n in 0..5 {
        let event = owner.claim(&format!("{n}.example"), &key(1));
        owner.post(&server, event).await.ok(201);
    }
    (server.stop().await, owner)
}

/// What spoils the first row: with it, nothing verifies from the beginning.
const SPOIL: &str = "UPDATE entries SET receipt = zeroblob(9) WHERE log_index = 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_loaded_from_its_checkpoint_and_goes_on() {
    let (folder, mut owner) = kept().await;
    assert_eq!(checkpoints(&folder).await.len(), 1);
    // Nobody looks at the first rows until they are asked for; then what was done to them is found.
    run(&folder, SPOIL).await;
    let server = start(folder).await;
    assert_eq!(server.get(&owner.path("/head")).await.ok(200)["hash"], owner.head());
    assert_eq!(server.get(&owner.path("/state")).await.ok(200), json!(owner.chain.state()));
    for seq in 1..=6 {
        let state = server.get(&owner.path(&format!("/state?at_seq={seq}"))).await.ok(200);
        assert_eq!(state, json!(owner.chain.state_at(seq)));
    }
    assert_eq!(server.get(&owner.path("/events/2")).await.status, 200);
    for path in ["/events/1", "/events", "/audit"] {
        server.get(&owner.path(path)).await.is(500, "internal", "");
    }
    let event = owner.claim("more.example", &key(1));
    owner.post(&server, event).await.ok(201);
    let fork = owner.rotation(&owner.chain.after(2).expect("an event"), &key(4), &[&owner.recovery], &owner.recovery);
    owner.post(&server, fork).await.ok(201);
    let server = start(server.stop().await).await;
    assert_eq!(server.get(&owner.path("/state")).await.ok(200), json!(owner.chain.state()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_checkpoint_counts() {
    let (folder, owner) = kept().await;
    let good = checkpoints(&folder).await.pop().expect("a checkpoint");
    let mut folder = folder;
    for at in [0, 31, 32, 40, good.len() / 2, good.len() - 1, good.len()] {
        let mut bytes = good.clone();
        match bytes.get_mut(at) {
            Some(byte) => *byte ^= 1,
            None => bytes.push(0),
        }
        let mut db = database(&folder).await;
        let update = sqlx::query("UPDATE checkpoints SET content = ?").bind(bytes);
        update.execute(&mut db).await.expect("SQL");
        db.close().await.expect("it closes");
        // The chain is verified from its beginning, and well.
        let server = start(folder).await;
        assert_eq!(server.get(&owner.path("/state")).await.ok(200), json!(owner.chain.state()), "byte {at}");
        folder = server.stop().await;
        assert_ne!(checkpoints(&folder).await, std::slice::from_ref(&good), "another one is kept, of all six");
    }
    // Nor does it hide that the rows are spoilt.
    run(&folder, "UPDATE checkpoints SET content = zeroblob(4000)").await;
    run(&folder, SPOIL).await;
    let server = start(folder).await;
    server.get(&owner.path("/head")).await.is(500, "internal", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_chains_checkpoint_is_no_other_chains_and_no_other_servers() {
    let server = start(tempfile::tempdir().expect("a folder")).await;
    let mut owners = [Owner::start(&server, 1).await, Owner::start(&server, 11).await];
    for (owner, seed) in owners.iter_mut().zip([1, 11]) {
        for n in 0..3 {
            let event = owner.claim(&format!("{n}.example"), &key(seed));
            owner.post(&server, event).await.ok(201);
        }
    }
    let folder = server.stop().await;
    assert_eq!(checkpoints(&folder).await.len(), 2);
    let mut db = database(&folder).await;
    sqlx::raw_sql(
        "CREATE TEMP TABLE swapped AS SELECT chain, (SELECT content FROM checkpoints other WHERE other.chain <> mine.chain) \
         AS content FROM checkpoints mine; UPDATE checkpoints SET content = (SELECT content FROM swapped WHERE \
         swapped.chain = checkpoints.chain)",
    )
    .execute(&mut db)
    .await
    .expect("SQL");
    db.close().await.expect("it closes");
    let server = start(folder).await;
    for owner in &owners {
        assert_eq!(server.get(&owner.path("/state")).await.ok(200), json!(owner.chain.state()));
    }
    let folder = server.stop().await;
    // With another receipt key it is another server's.
    std::fs::remove_file(folder.path().join("sig.db.receipt-key")).expect("the key is there");
    run(&folder, SPOIL).await;
    let server = start(folder).await;
    let spoilt = owners.iter().find(|owner| owner.chain.id() == key(1).id()).expect("it is one of them");
    server.get(&spoilt.path("/head")).await.is(500, "internal", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_gone_are_missed() {
    for sql in [
        "DELETE FROM entries WHERE log_index >= 4",
        "UPDATE entries SET id = zeroblob(32) WHERE log_index = 4",
        "UPDATE entries SET received_at = received_at + 1 WHERE log_index = 4",
    ] {
        let (folder, owner) = kept().await;
        let mut db = database(&folder).await;
        sqlx::raw_sql(sql).execute(&mut db).await.expect("SQL");
        db.close().await.expect("it closes");
        let server = start(folder).await;
        server.get(&owner.path("/head")).await.is(500, "internal", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_loaded_without_one_leaves_one() {
    let (folder, owner) = kept().await;
    run(&folder, "DELETE FROM checkpoints").await;
    let server = start(folder).await;
    assert_eq!(server.get(&owner.path("/head")).await.status, 200);
    let there = async {
        while checkpoints(&server.folder).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), there).await.expect("a checkpoint is kept");
}
