//! A store with something changed in it: found, named, and not served as valid.

use kez_sig_server::config::Config;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::harness::{OPEN, Server, key};
use crate::owner::Owner;

async fn intruder(server: &Server) -> SqliteConnection {
    SqliteConnectOptions::new().filename(server.db()).connect().await.expect("a connection")
}

async fn run(server: &Server, sql: &'static str) {
    let mut connection = intruder(server).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("SQL");
    connection.close().await.expect("it closes");
}

async fn report(server: &Server) -> serde_json::Value {
    use clap::Parser as _;
    let db = server.db();
    let config = Config::try_parse_from(["kez-sig-server", "--db", db.to_str().expect("UTF-8")]).expect("good flags");
    json!(kez_sig_server::verify(&config).await.expect("it can be read"))
}

/// Two chains of three events each.
async fn two_chains() -> (Server, Owner, Owner) {
    let server = Server::start().await;
    let (mut first, mut second) = (Owner::start(&server, 1).await, Owner::start(&server, 11).await);
    for owner in [&mut first, &mut second] {
        for subject in ["a.example", "b.example"] {
            let event = owner.claim(subject, &key(if owner.chain.id() == key(1).id() { 1 } else { 11 }));
            owner.post(&server, event).await.ok(201);
        }
    }
    (server, first, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_is_found_in_memory_and_after_a_restart() {
    for (sql, entry) in [
        (
            "UPDATE entries SET event = CAST(replace(CAST(event AS TEXT), 'a.example', 'x.example') AS BLOB) WHERE log_index = 3",
            1,
        ),
        ("UPDATE entries SET received_at = received_at + 1 WHERE log_index = 4", 2),
        (
            "UPDATE entries SET receipt = CAST(replace(CAST(receipt AS TEXT), '\"log_index\":3', '\"log_index\":9') AS BLOB) WHERE log_index = 3",
            1,
        ),
        ("UPDATE entries SET id = zeroblob(32) WHERE log_index = 3", 1),
        ("DELETE FROM entries WHERE log_index = 3", 1),
        ("UPDATE entries SET entry = 7 WHERE log_index = 4", 2),
    ] {
        let (server, first, second) = two_chains().await;
        assert_eq!(report(&server).await, json!({ "valid": true, "chains": 2, "entries": 6, "damaged": [] }));
        run(&server, sql).await;
        // What is read from the store is compared with what was verified.
        let answer = server.get(&first.path("/audit")).await;
        if answer.status == 200 {
            let length = answer.json()["entries"].as_array().map(Vec::len);
            panic!("served {length:?} entries after {sql}");
        }
        answer.is(500, "internal", "");
        let report = report(&server).await;
        assert_eq!(report["valid"], false, "{sql}");
        let damaged = &report["damaged"][0];
        assert_eq!((&damaged["chain"], &damaged["entry"]), (&json!(first.chain.id()), &json!(entry)), "{report}");

        let folder = server.stop().await;
        let server = Server::start_in(folder, &OPEN).await;
        for path in ["", "/head", "/state", "/audit", "/events", "/events/2"] {
            server.get(&first.path(path)).await.is(500, "internal", "");
            assert_eq!(server.get(&second.path(path)).await.status, 200, "the other chain is well");
        }
        let event = first.claim("c.example", &key(1));
        server.post(&first.path("/events"), event).await.is(500, "internal", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_at_the_end_leaves_a_gap_in_the_log_of_all() {
    let (server, ..) = two_chains().await;
    run(&server, "DELETE FROM entries WHERE log_index = 4").await;
    let report = report(&server).await;
    assert_eq!((&report["valid"], &report["damaged"][0]["entry"]), (&json!(false), &json!(4)), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_locked_or_gone() {
    let (server, first, _) = two_chains().await;
    let mut other = intruder(&server).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.expect("SQL");
    let event = first.claim("c.example", &key(1));
    server.post(&first.path("/events"), event.clone()).await.is(503, "unavailable", "");
    server.get("/v1/readyz").await.is(503, "unavailable", "");
    assert_eq!(server.get(&first.path("/head")).await.ok(200)["seq"], 3);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("SQL");
    other.close().await.expect("it closes");
    server.post(&first.path("/events"), event).await.ok(201);
    assert_eq!(server.get(&first.path("/head")).await.ok(200)["seq"], 4);
    assert_eq!(server.get("/v1/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_receipt_key_leaves_the_old_one_listed() {
    let (server, first, _) = two_chains().await;
    let old = server.get("/v1/server").await.ok(200)["receipt_key"].clone();
    let folder = server.stop().await;
    std::fs::remove_file(folder.path().join("sig.db.receipt-key")).expect("the key is there");
    let server = Server::start_in(folder, &OPEN).await;
    let info = server.get("/v1/server").await.ok(200);
    assert_ne!(info["receipt_key"], old);
    assert_eq!(info["previous_receipt_keys"], json!([old]));
    assert_eq!(server.get(&first.path("/audit")).await.status, 200, "old receipts are still good");
    assert_eq!(report(&server).await["valid"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_finished_does_not_look_finished() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    for n in 0..59 {
        let event = owner.claim(&format!("{n}.example"), &key(1));
        owner.post(&server, event).await.ok(201);
    }
    let paths = [
        (owner.path("/audit"), "application/json"),
        (owner.path("/events?limit=500"), "application/json"),
        (owner.path("/events?limit=500"), "application/jsonl"),
        ("/v1/export?limit=500".to_owned(), "application/x-ndjson"),
    ];
    let get = async |path: &str, accept: &str| {
        let request = reqwest::Client::new().get(format!("{}{path}", server.base)).header("accept", accept);
        let answer = request.send().await?;
        assert_eq!(answer.status(), 200);
        answer.text().await
    };
    for (path, accept) in &paths {
        let body = get(path, accept).await.expect("it is whole");
        assert_eq!(body.matches("\"signature\":").count(), if path.ends_with("audit") { 120 } else { 60 }, "{path}");
    }
    // Somewhere behind what the first pages hold.
    run(&server, "UPDATE entries SET event = CAST(replace(CAST(event AS TEXT), '50.example', 'xx.example') AS BLOB)")
        .await;
    for (path, accept) in &paths {
        let got = get(path, accept).await;
        assert!(got.is_err(), "{path}: {got:?}");
    }
}
