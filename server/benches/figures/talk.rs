//! What conversations ask the home server for, 64 at once and durable, against the registry's raw insert loop: claims of key
//! packages, and commits in their order.

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::Hash;
use kez_core::commit_order::NewCommit;
use kez_core::contact_request::MessageId;
use kez_core::conversation_start::Start;
use kez_core::key_packages::{Claim, KeyPackage, Upload};

use crate::load::{self, Connection};
use crate::target::{self, NAME};
use crate::writes::one_a_commit;
use crate::{ROUNDS, report};

/// Identities, each on a connection of its own.
const IDENTITIES: u64 = 64;
/// Claims of each in a round: an identity has 120 an hour.
const CLAIMS: u64 = 24;
/// Commits of each conversation: it has 60 an hour.
const COMMITS: u64 = 32;
/// Bytes of a commit with a path in a group of four.
const COMMIT_BYTES: usize = 1_200;
/// Bytes of a key package.
const PACKAGE_BYTES: usize = 300;
/// Keys of benchmarks are numbers; these are nobody else's.
const FIRST_KEY: u64 = 2_000_000;

pub(crate) async fn claims() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = target::ours(folder.path()).await;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS as u64 {
        let mut requests = Vec::new();
        let mut connection = Connection::open(&ours.address).await;
        for identity in 0..IDENTITIES {
            register(&mut connection, round, identity).await;
            for upload in 0..CLAIMS / 12 {
                assert_eq!(connection.ask(&packages(round, identity, upload)).await.0, 201);
            }
        }
        for number in 0..CLAIMS {
            requests.extend((0..IDENTITIES).map(|identity| claim(round, identity, number)));
        }
        let measured = load::each(&ours.address, requests, 64, 200).await;
        rounds.push((measured, one_a_commit(&folder.path().join(format!("limit{round}.db"))).await));
    }
    report("claims of key packages, 64 connections", "claims/s", &rounds);
}

pub(crate) async fn commits() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = target::ours(folder.path()).await;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS as u64 {
        let mut connection = Connection::open(&ours.address).await;
        for identity in 0..IDENTITIES {
            register(&mut connection, round, identity).await;
            assert_eq!(connection.ask(&start(round, identity)).await.0, 201);
        }
        let mut requests = Vec::new();
        for epoch in 1..=COMMITS {
            requests.extend((0..IDENTITIES).map(|identity| commit(round, identity, epoch)));
        }
        let measured = load::each(&ours.address, requests, 64, 201).await;
        rounds.push((measured, one_a_commit(&folder.path().join(format!("limit{round}.db"))).await));
    }
    report("commits, 64 conversations", "commits/s", &rounds);
}

fn number(round: u64, identity: u64) -> u64 {
    FIRST_KEY + round * IDENTITIES + identity
}

async fn register(connection: &mut Connection, round: u64, identity: u64) {
    let number = number(round, identity);
    assert_eq!(connection.ask(&target::registration(&format!("t{number}"), number)).await.0, 201);
}

fn nonce(of: [u64; 2]) -> MessageId {
    let bytes = of.map(u64::to_le_bytes).concat();
    MessageId::from_bytes(bytes.try_into().expect("16 bytes"))
}

fn packages(round: u64, identity: u64, upload: u64) -> Vec<u8> {
    let key = target::key(number(round, identity));
    let package = |at: u64| {
        let mut bytes = vec![0, 1, 0, 5, 0, 1, 0, 3];
        bytes.extend(nonce([number(round, identity), upload * 12 + at]).to_string().into_bytes());
        bytes.resize(PACKAGE_BYTES, 7);
        KeyPackage::from_bytes(bytes).expect("it looks like one")
    };
    let upload = Upload {
        chain: key.id(),
        server: NAME.parse().expect("a name"),
        created_at: SystemClock.now(),
        nonce: nonce([number(round, identity), upload]),
        replace: false,
        packages: (0..12).map(package).collect(),
        last_resort: None,
    };
    post("/v1/keypackages", &upload.sign(&key))
}

/// Of one's own device, so that nothing but the rows costs anything.
fn claim(round: u64, identity: u64, at: u64) -> Vec<u8> {
    let key = target::key(number(round, identity));
    let claim = Claim {
        from: key.id(),
        to: key.id(),
        server: NAME.parse().expect("a name"),
        created_at: SystemClock.now(),
        nonce: nonce([number(round, identity), at]),
        devices: Vec::new(),
    };
    post("/v1/keypackages/claims", &claim.sign(&key))
}

fn conversation(round: u64, identity: u64) -> [u8; 16] {
    [number(round, identity).to_le_bytes(), [9; 8]].concat().try_into().expect("16 bytes")
}

fn gate(epoch: u64) -> [u8; 32] {
    let mut gate = [5; 32];
    gate[..8].copy_from_slice(&epoch.to_le_bytes());
    gate
}

fn hashed(gate: [u8; 32]) -> [u8; 32] {
    *Hash::of(&gate).as_bytes()
}

fn start(round: u64, identity: u64) -> Vec<u8> {
    let key = target::key(number(round, identity));
    let start = Start {
        conversation: conversation(round, identity),
        from: key.id(),
        server: NAME.parse().expect("a name"),
        created_at: SystemClock.now(),
        gate: hashed(gate(1)),
    };
    post("/v1/conversations", &start.sign(&key))
}

fn commit(round: u64, identity: u64, epoch: u64) -> Vec<u8> {
    let mut commit = epoch.to_le_bytes().to_vec();
    commit.resize(COMMIT_BYTES, 3);
    let commit = NewCommit {
        conversation: conversation(round, identity),
        epoch,
        gate: gate(epoch),
        next_gate: hashed(gate(epoch + 1)),
        commit,
    };
    post("/v1/conversations/commits", &commit.to_json())
}

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {NAME}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
