//! Following a sigchain server: no chain holds up another, whatever is in it and whatever goes wrong with it, and what comes
//! of an event costs what the event changes.

use std::sync::Arc;
use std::time::Duration;

use kez_core::sigchain::{Body, Claim, RevokeReason, Summary};
use kez_core::{Hash, KeyId, Sorted};
use kez_store::followed::{Followed, Taken};
use kez_store::handles::Policy;
use kez_store::sqlite;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::chains::elsewhere::{listen, shows};
use crate::chains::fake::Fake;
use crate::chains::owner::{Owner, sign};
use crate::harness::{Server, key, name};

/// A chat server and the sigchain server that it follows.
async fn pair() -> (Server, Fake, String) {
    let (listener, base) = listen().await;
    let fake = Fake::start(listener);
    (Server::start_with(&["--sig-server-url", &base]).await, fake, base)
}

/// An owner with a handle, whose genesis the sigchain server took, and who is followed.
async fn followed(server: &Server, fake: &Fake, handle: &str, seed: u8) -> Owner {
    let mut owner = Owner::new(seed);
    server.register(handle, &owner.identity).await;
    let genesis = owner.genesis();
    fake.take(&mut owner, &genesis);
    shows(server, handle, &owner.head()).await;
    owner
}

async fn database(server: &Server) -> SqliteConnection {
    SqliteConnectOptions::new().filename(server.db()).connect().await.expect("a connection")
}

async fn run(db: &mut SqliteConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(db).await.expect("SQL");
}

/// What readiness says of the sigchains, once that is `word`.
async fn readiness_says(server: &Server, word: &str) {
    let said = async {
        while server.get("/v1/readyz").await.json()["checks"]["sigchain"] != word {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), said).await.expect(word);
}

async fn stands_for(server: &Server, seed: u8) -> String {
    let found = server.get(&format!("/v1/k/ed25519/{}", key(seed).id().hex())).await.json();
    found["handle"].as_str().unwrap_or("nobody").to_owned()
}

/// A number as a key that nobody has.
fn number(n: u32) -> KeyId {
    let mut bytes = [0xff; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    KeyId::ed25519(bytes)
}

/// SQLite takes 32,766 values in a statement, and nothing limits the keys and claims of a chain that is followed.
#[tokio::test]
async fn a_chain_of_any_size_is_stored_and_the_others_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = Policy {
        server: name(),
        release_hold_secs: 0,
        key_packages: Default::default(),
        conversations: Default::default(),
        instances: Default::default(),
    };
    let store = sqlite::open(&folder.path().join("kez.db"), policy, Arc::new(())).await.expect("a database");
    let chain = |chain: KeyId, keys: Sorted<KeyId, bool>, claims: u32| {
        let claim = Claim { r#type: "dns".to_owned(), subject: "a.example".to_owned(), proof: "dns:a".to_owned() };
        let claims = (0..claims).map(|n| (Hash::of(&n.to_be_bytes()), claim.clone())).collect();
        let head = Hash::of(chain.as_bytes());
        let summary =
            Summary { chain, head, entries: 40_000, primary: chain, active: true, home: name(), since: 0, keys };
        Followed { summary, claims: Some(claims) }
    };
    let (large, small) = (key(1).id(), key(2).id());
    let keys = |numbers: std::ops::Range<u32>| -> Sorted<KeyId, bool> {
        Sorted::of(numbers.map(|n| (number(n), true)).collect()).expect("each key once")
    };
    // Each is more than fits into a statement, and the second makes all but one of the first list's keys go.
    for (numbers, claims) in [(0..11_000, 0), (10_999..21_999, 1), (10_999..11_000, 6_600)] {
        let step = vec![chain(large, keys(numbers), claims), chain(small, keys(90_000..90_001), 1)];
        let taken = store.follow("http://elsewhere.test", step, Vec::new(), Some(1)).await.expect("it is stored");
        assert_eq!(taken, [Taken::Whole, Taken::Whole]);
        assert_eq!(store.followed_claims(&large).await.expect("claims").len(), claims as usize);
    }
    let many: Vec<KeyId> = (0..16_400).map(number).collect();
    store.follow("http://elsewhere.test", Vec::new(), many.clone(), Some(2)).await.expect("it is noted");
    assert_eq!(store.behind("http://elsewhere.test").await.expect("chains").len(), many.len());
    store.close().await;
    let mut db =
        SqliteConnectOptions::new().filename(folder.path().join("kez.db")).connect().await.expect("a connection");
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM chain_keys WHERE chain = ?")
        .bind(large.to_string())
        .fetch_one(&mut db)
        .await
        .expect("a number");
    assert_eq!(keys, 1, "all others are gone again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_the_database_cannot_take_in_holds_up_no_other_and_is_tried_again() {
    let (server, fake, _) = pair().await;
    let mut bad = followed(&server, &fake, "bad", 1).await;
    let mut good = followed(&server, &fake, "good", 11).await;
    readiness_says(&server, "ok").await;
    let mut db = database(&server).await;
    let chain = bad.chain.id();
    run(
        &mut db,
        format!(
            "CREATE TRIGGER fails BEFORE INSERT ON chain_keys WHEN NEW.chain = '{chain}' \
             BEGIN SELECT RAISE(ABORT, 'no'); END"
        ),
    )
    .await;
    let before = bad.head();
    let event = bad.device(&key(3));
    fake.take(&mut bad, &event);
    let event = good.device(&key(13));
    fake.take(&mut good, &event);
    shows(&server, "good", &good.head()).await;
    assert_eq!(stands_for(&server, 13).await, "good");
    assert_eq!(server.get("/v1/u/bad").await.json()["head"], before, "it is as it was");
    // The others go on, and readiness says that one does not.
    readiness_says(&server, "behind").await;
    let event = good.revocation(&key(13));
    fake.take(&mut good, &event);
    shows(&server, "good", &good.head()).await;
    assert_eq!(stands_for(&server, 13).await, "nobody");
    run(&mut db, "DROP TRIGGER fails".to_owned()).await;
    shows(&server, "bad", &bad.head()).await;
    readiness_says(&server, "ok").await;
    assert_eq!(stands_for(&server, 3).await, "bad");
    assert_eq!((fake.asked(&chain), fake.asked(&good.chain.id())), (0, 0), "what was read is in memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_cannot_be_read_is_one_line() {
    let (server, fake, _) = pair().await;
    let mut first = followed(&server, &fake, "first", 1).await;
    let mut second = followed(&server, &fake, "second", 11).await;
    // One names its chain, one says nothing at all.
    let named = first.device(&key(3));
    fake.garble(3, &format!(r#"{{"log_index":3,"chain":"{}","event":{{"kez":"#, first.chain.id()));
    fake.garble(4, "\u{1}nonsense");
    assert_eq!(fake.take(&mut first, &named), 3);
    let unnamed = second.device(&key(13));
    assert_eq!(fake.take(&mut second, &unnamed), 4);
    shows(&server, "first", &first.head()).await;
    assert_eq!(stands_for(&server, 3).await, "first");
    // The chain that nobody named is found when it goes on.
    let event = second.device(&key(14));
    fake.take(&mut second, &event);
    shows(&server, "second", &second.head()).await;
    for device in [13, 14] {
        assert_eq!(stands_for(&server, device).await, "second");
    }
    readiness_says(&server, "ok").await;
}

/// A chain of n events that arrive one by one costs n, and not n times n.
#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_added_to_what_was_verified_before() {
    let (server, fake, base) = pair().await;
    let mut owner = followed(&server, &fake, "tudisco", 1).await;
    for round in 0..5 {
        for seed in [100 + 2 * round, 101 + 2 * round] {
            let event = owner.device(&key(seed));
            fake.take(&mut owner, &event);
        }
        shows(&server, "tudisco", &owner.head()).await;
    }
    let chain = owner.chain.id();
    assert_eq!(fake.asked(&chain), 0, "the log of all chains told everything");
    // A server that starts anew knows no chain: it fetches this one once, and goes on from there.
    let server = Server::start_in(server.stop().await, &["--sig-server-url", &base]).await;
    for seed in 100..105 {
        let event = owner.revocation(&key(seed));
        fake.take(&mut owner, &event);
        shows(&server, "tudisco", &owner.head()).await;
        assert_eq!(stands_for(&server, seed).await, "nobody");
    }
    assert_eq!(fake.asked(&chain), 1);
    assert_eq!(stands_for(&server, 109).await, "tudisco");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_come_holds_up_no_other_chain() {
    let (server, fake, base) = pair().await;
    let mut slow = followed(&server, &fake, "slow", 1).await;
    let mut quick = followed(&server, &fake, "quick", 11).await;
    let server = Server::start_in(server.stop().await, &["--sig-server-url", &base]).await;
    fake.hold(slow.chain.id(), true);
    let before = slow.head();
    let event = slow.device(&key(3));
    fake.take(&mut slow, &event);
    for seed in [13, 14, 15] {
        let event = quick.device(&key(seed));
        fake.take(&mut quick, &event);
        shows(&server, "quick", &quick.head()).await;
    }
    assert_eq!(
        (fake.asked(&slow.chain.id()), server.get("/v1/u/slow").await.json()["head"].clone()),
        (1, json!(before))
    );
    readiness_says(&server, "behind").await;
    fake.hold(slow.chain.id(), false);
    shows(&server, "slow", &slow.head()).await;
    readiness_says(&server, "ok").await;
}

/// Its events were read, and will not come again: what is not taken in is remembered in the database.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_behind_when_the_server_ended_is_tried_again() {
    let (server, fake, base) = pair().await;
    let mut owner = followed(&server, &fake, "tudisco", 1).await;
    let mut other = followed(&server, &fake, "other", 11).await;
    let event = owner.device(&key(3));
    fake.take(&mut owner, &event);
    shows(&server, "tudisco", &owner.head()).await;
    let server = Server::start_in(server.stop().await, &["--sig-server-url", &base]).await;
    fake.fail(owner.chain.id(), true);
    let event = owner.revocation(&key(3));
    fake.take(&mut owner, &event);
    let event = other.device(&key(13));
    fake.take(&mut other, &event);
    shows(&server, "other", &other.head()).await;
    assert_eq!(stands_for(&server, 3).await, "tudisco");
    let server = Server::start_in(server.stop().await, &["--sig-server-url", &base]).await;
    readiness_says(&server, "behind").await;
    fake.fail(owner.chain.id(), false);
    shows(&server, "tudisco", &owner.head()).await;
    assert_eq!(stands_for(&server, 3).await, "nobody");
}

/// Whoever has a device's key can register it at the moment in which the other server takes it into a chain. That must not
/// keep the chain from being followed: what its owner revokes is out.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_stands_for_another_identity_here_holds_up_nothing_of_its_chain() {
    let (server, fake, _) = pair().await;
    let mut owner = followed(&server, &fake, "tudisco", 1).await;
    let event = owner.device(&key(3));
    fake.take(&mut owner, &event);
    shows(&server, "tudisco", &owner.head()).await;
    server.register("contested", &key(4)).await;
    let event = owner.device(&key(4));
    fake.take(&mut owner, &event);
    let event = owner.revocation(&key(3));
    fake.take(&mut owner, &event);
    shows(&server, "tudisco", &owner.head()).await;
    assert_eq!((stands_for(&server, 3).await, stands_for(&server, 4).await), ("nobody".into(), "contested".into()));
    assert_eq!(server.get("/v1/readyz").await.status, 200, "anybody could do that");
    // Once it is free, it stands for the chain.
    server.post("/v1/release", server.release("contested", &key(4))).await.was(200);
    let stands = async {
        while stands_for(&server, 4).await != "tudisco" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), stands).await.expect("it is tried again");
    // A primary that stands for somebody else is another matter: nobody can have both.
    let mut thief = followed(&server, &fake, "thief", 21).await;
    server.register("plain", &key(25)).await;
    let before = thief.head();
    let event = thief.rotation(&key(25), &thief.recovery);
    fake.take(&mut thief, &event);
    let body = Body::RevokeKey { key: key(4).id(), reason: RevokeReason::Lost };
    let event = sign(&owner.chain.next(), &body, &owner.identity);
    fake.take(&mut owner, &event);
    shows(&server, "tudisco", &owner.head()).await;
    assert_eq!(server.get("/v1/u/thief").await.json()["head"], before);
    assert_eq!(stands_for(&server, 25).await, "plain");
}

/// Numbers that a log cannot have, and logs that are no logs.
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_refused_is_followed_once_it_is_right() {
    let (server, fake, _) = pair().await;
    let owner = followed(&server, &fake, "tudisco", 1).await;
    let mut other = followed(&server, &fake, "other", 11).await;
    // An event that fits nowhere: the other server lies, or is broken.
    let mut elsewhere = Owner::new(1);
    elsewhere.recovery = key(9);
    let genesis = elsewhere.genesis();
    fake.take_unseen(owner.chain.id(), &genesis);
    let event = other.device(&key(13));
    fake.take(&mut other, &event);
    shows(&server, "other", &other.head()).await;
    assert_eq!(server.get("/v1/u/tudisco").await.json()["head"], owner.head());
    assert_eq!(
        server.get("/v1/readyz").await.status,
        200,
        "a lie about one chain is no reason not to serve the others"
    );
}
