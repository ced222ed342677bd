//! A database that was made before there were chains.

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::owner::Owner;
use crate::harness::{Server, key};

#[tokio::test(flavor = "multi_thread")]
async fn old_registrations_start_a_chain() {
    let server = Server::start().await;
    server.register("tudisco", &key(1)).await;
    let folder = server.stop().await;
    // As the first version left it: its one step, and nothing of the later ones.
    let options = SqliteConnectOptions::new().filename(folder.path().join("kez.db"));
    let mut db = options.connect().await.expect("a connection");
    for sql in [
        "DROP INDEX handles_live_chain",
        "DROP INDEX handles_of_chain",
        "ALTER TABLE handles DROP COLUMN chain",
        "DROP TABLE chains",
        "DROP TABLE chain_keys",
        "DROP TABLE followed",
        "DROP TABLE behind",
        "DROP TABLE followed_claims",
        "DROP TABLE entries",
        "DROP TABLE receipt_keys",
        "DROP TABLE limited_since",
        "DROP TABLE checkpoints",
        "DROP TABLE key_packages",
        "DROP TABLE last_resort_packages",
        "DROP TABLE key_package_uploads",
        "DROP TABLE key_package_claims",
        "DROP TABLE key_package_answers",
        "DROP TABLE key_package_draws",
        "DROP TABLE conversations",
        "DROP TABLE commits",
        "DROP TABLE conversation_starters",
        "DROP TABLE chat_instances",
        "DROP TABLE chat_instance_envelopes",
        "DROP TABLE followed_instances",
        "DELETE FROM _sqlx_migrations WHERE version > 1",
    ] {
        sqlx::raw_sql(sql).execute(&mut db).await.expect("SQL");
    }
    db.close().await.expect("it closes");

    let server = Server::start_in(folder, &[]).await;
    let record = server.get("/v1/u/tudisco").await.json();
    assert_eq!((&record["chain"], &record["head"]), (&json!(key(1).id().to_string()), &json!(null)));
    let mut owner = Owner::new(1);
    let genesis = owner.genesis();
    owner.post(&server, &genesis).await.was(201);
    assert_eq!(server.get("/v1/u/tudisco").await.json()["head"], owner.head());
}
