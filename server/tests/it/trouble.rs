//! A database that is locked, gone or full: 503 with a time to retry, what is in memory is still served, and the server
//! recovers by itself.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::harness::{Server, key};

async fn intruder(server: &Server) -> SqliteConnection {
    SqliteConnectOptions::new().filename(server.db()).connect().await.expect("a connection")
}

async fn run(connection: &mut SqliteConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(connection).await.expect("SQL");
}

#[tokio::test(flavor = "multi_thread")]
async fn locked() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    server.register("second", &key(2)).await;
    assert_eq!(server.get("/v1/u/tudisco").await.status, 200);
    let mut intruder = intruder(&server).await;
    run(&mut intruder, "BEGIN IMMEDIATE").await;
    server.post("/v1/register", server.registration("third", &key(3))).await.is(503, "unavailable");
    let ready = server.get("/v1/readyz").await;
    ready.is(503, "unavailable");
    assert_eq!(ready.json()["checks"]["database"], "failed");
    for path in ["/v1/u/tudisco", "/v1/u/second", "/v1/healthz"] {
        assert_eq!(server.get(path).await.status, 200, "{path} only reads");
    }
    run(&mut intruder, "ROLLBACK").await;
    intruder.close().await.expect("it closes");
    server.register("third", &key(3)).await;
    assert_eq!(server.get("/v1/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_back() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    server.register("second", &key(2)).await;
    assert_eq!(server.get("/v1/u/tudisco").await.status, 200);
    // The log is folded into the file first: only the file is moved here.
    let mut other = intruder(&server).await;
    run(&mut other, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    other.close().await.expect("it closes");
    let away = server.folder.path().join("away.db");
    std::fs::rename(server.db(), &away).expect("the file moves");
    server.post("/v1/register", server.registration("third", &key(3))).await.is(503, "unavailable");
    server.get("/v1/u/second").await.is(503, "unavailable");
    server.get("/v1/readyz").await.is(503, "unavailable");
    assert_eq!(server.get("/v1/u/tudisco").await.status, 200, "it is in memory");
    assert!(!server.db().exists(), "no empty database took its place");
    std::fs::rename(&away, server.db()).expect("the file moves back");
    server.register("third", &key(3)).await;
    assert_eq!(server.get("/v1/u/second").await.status, 200);
    assert_eq!(server.get("/v1/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn full() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let mut other = intruder(&server).await;
    // Fails the way a full disk does: in the middle of the transaction.
    run(
        &mut other,
        "CREATE TRIGGER disk_full BEFORE INSERT ON seen_envelopes BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    .await;
    server.post("/v1/register", server.registration("second", &key(2))).await.is(503, "unavailable");
    server.get("/v1/u/second").await.is(404, "not_found");
    server.get("/v1/readyz").await.is(503, "unavailable");
    run(&mut other, "DROP TRIGGER disk_full").await;
    other.close().await.expect("it closes");
    assert_eq!(server.get("/v1/readyz").await.status, 200, "it finds out by itself");
    server.register("second", &key(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_rows_are_said_to_be_and_hold_up_nobody_else() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let mut other = intruder(&server).await;
    run(&mut other, "UPDATE handles SET primary_key = 'nonsense'").await;
    server.get("/v1/u/tudisco").await.is(500, "internal");
    // While the lock is held, changes queue up for one batch.
    run(&mut other, "BEGIN IMMEDIATE").await;
    let (damaged, innocent) = (server.registration("tudisco", &key(2)), server.registration("second", &key(3)));
    let unlock = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        run(&mut other, "ROLLBACK").await;
    };
    let (damaged, innocent, ()) =
        tokio::join!(server.post("/v1/register", damaged), server.post("/v1/register", innocent), unlock);
    damaged.is(500, "internal");
    assert_eq!(innocent.status, 201);
    other.close().await.expect("it closes");
}

/// Whoever asked for a change may be gone when it is made; lookups must not serve what was before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_leaves_no_stale_answer() {
    let server = Server::start().await;
    let owner = key(1);
    server.register("tudisco", &owner).await;
    assert_eq!(server.get("/v1/u/tudisco").await.status, 200);
    for (path, body, status) in [
        ("/v1/release", server.release("tudisco", &owner), 410),
        (
            "/v1/register",
            {
                server.clock.advance(1);
                server.registration("tudisco", &owner)
            },
            200,
        ),
    ] {
        let mut other = intruder(&server).await;
        run(&mut other, "BEGIN IMMEDIATE").await;
        let request = server.http.post(format!("{}{path}", server.base)).header("content-type", "application/json");
        let request = request.body(body).timeout(std::time::Duration::from_millis(300)).send().await;
        assert!(request.is_err(), "the client gave up");
        run(&mut other, "ROLLBACK").await;
        other.close().await.expect("it closes");
        // The check goes through the same queue, so the change before it is made once it is answered.
        assert_eq!(server.get("/v1/readyz").await.status, 200);
        assert_eq!(server.get("/v1/u/tudisco").await.status, status, "{path}");
        assert_eq!(server.get("/v1/u/tudisco").await.status, status, "{path}, from memory");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let server = Server::start().await;
    let folder = server.stop().await;
    let path = folder.path().join("kez.db");
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.expect("a connection");
    run(&mut other, "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)").await;
    other.close().await.expect("it closes");
    let policy = kez_store::handles::Policy {
        server: crate::harness::name(),
        release_hold_secs: 0,
        key_packages: Default::default(),
        conversations: Default::default(),
        instances: Default::default(),
    };
    let Err(error) = kez_store::sqlite::open(&path, policy, std::sync::Arc::new(())).await else {
        panic!("an older program must not write a newer database")
    };
    assert!(error.to_string().contains("newer version"), "{error}");
}
