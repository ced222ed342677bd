//! How SQLite answers each question about conversations: by an index, whatever is stored.

use std::sync::Arc;

use kez_core::conversation_start::AdmittedStart;
use kez_core::registration::Statement;
use kez_core::{Admission, Hash, ServerName, SigningKey, Timestamp};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::{Committing, Starting, add, log, prune, start};
use crate::conversations::{Commit, Limits, Part};
use crate::handles::Policy;
use crate::key_packages;
use crate::sqlite::answer::Answer;
use crate::sqlite::open;
use crate::sqlite::plans::Statements;

fn at(days: i64) -> Timestamp {
    Timestamp::from_unix(1_779_678_000 + days * 86_400)
}

fn gate(epoch: u64) -> [u8; 32] {
    [u8::try_from(epoch).expect("few"); 32]
}

fn gate_hash(epoch: u64) -> [u8; 32] {
    *Hash::of(&gate(epoch)).as_bytes()
}

async fn begin(db: &mut SqliteConnection, policy: &Policy, ids: &[u8]) {
    let from = SigningKey::from_seed(&[1; 32]).id();
    let start_of = |id: &u8| AdmittedStart {
        signer: from,
        from,
        conversation: [*id; 16],
        gate: gate_hash(1),
        created_at: at(0),
        id: Hash::of(&[*id]),
    };
    let mut asked: Vec<Starting> = ids.iter().map(|id| Starting::new(start_of(id), at(0), Answer::new().0)).collect();
    start(db, &mut asked, policy).await.expect("it is stored");
}

async fn commit(db: &mut SqliteConnection, policy: &Policy, commits: &[(u8, u64)]) {
    let of = |(id, epoch): &(u8, u64)| {
        let bytes = vec![*id; 9 + usize::try_from(*epoch).expect("few")];
        Committing::new(
            Commit::new([*id; 16], *epoch, &gate(*epoch), gate_hash(epoch + 1), bytes),
            at(0),
            Answer::new().0,
        )
    };
    let mut asked: Vec<Committing> = commits.iter().map(of).collect();
    add(db, &mut asked, policy).await.expect("it is stored");
    assert!(asked.iter().all(|one| matches!(one.answer.noted(), Some(Ok(_)))), "so that everything is asked");
}

#[tokio::test]
async fn no_question_about_conversations_scans_a_table() {
    let statements = Statements::listen();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kez.db");
    let server: ServerName = "kez.test".parse().expect("a name");
    let policy = Policy {
        server: server.clone(),
        release_hold_secs: 0,
        key_packages: key_packages::Limits::default(),
        conversations: Limits { commits_per_hour: 2, ..Limits::default() },
        instances: Default::default(),
    };
    let store = open(&path, policy.clone(), Arc::new(())).await.expect("a database");
    let statement = Statement::registration("alice".parse().expect("a handle"), server.clone(), at(0));
    let admitted = Admission { server: &server, now: at(0) }
        .registration(&statement.sign(&SigningKey::from_seed(&[1; 32])))
        .expect("a good one");
    store.register(admitted, at(0)).await.expect("it is there").expect("it is free");
    store.close().await;

    // The store's own connections report nothing.
    let mut db = SqliteConnectOptions::new().filename(&path).connect().await.expect("a connection");
    let unpaced = Policy { conversations: Limits { commits_per_hour: 100, ..Limits::default() }, ..policy.clone() };
    begin(&mut db, &policy, &[1]).await;
    begin(&mut db, &policy, &[2, 3, 2]).await;
    commit(&mut db, &policy, &[(1, 1)]).await;
    commit(&mut db, &policy, &[(1, 1), (1, 2), (2, 1)]).await;
    commit(&mut db, &unpaced, &[(1, 3), (1, 4), (2, 2), (1, 1)]).await;
    // In which it is asked how long ago the second last one was.
    let paced = Committing::new(Commit::new([2; 16], 3, &gate(3), gate_hash(4), vec![1]), at(0), Answer::new().0);
    add(&mut db, &mut [paced], &policy).await.expect("it is stored");
    let part = Part { after: 1, limit: 2, bytes: 1_000 };
    log::within(&mut db, &[1; 16], part).await.expect("it is read").expect("it was started");
    prune(&mut db, at(90)).await.expect("it is done");

    let seen = statements.judge(&mut db).await;
    for what in [
        "FROM conversations",
        "INSERT INTO conversations",
        "UPDATE conversations",
        "FROM commits",
        "CROSS JOIN commits",
        "INSERT INTO commits",
        "DELETE FROM commits",
        "FROM conversation_starters",
        "INSERT INTO conversation_starters",
    ] {
        assert!(seen.contains(what), "there is no {what}");
    }
}
