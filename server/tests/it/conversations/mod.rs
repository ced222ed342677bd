//! The order of conversations' commits, over HTTP.

mod limits;
mod log;
mod order;
mod refused;
mod restarts;
mod together;

use kez_chat_server::clock::Clock as _;
use kez_core::commit_order::{LogPart, NewCommit};
use kez_core::conversation_start::Start;
use kez_core::{Hash, SigningKey, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Answer, Server, key, name};

pub(crate) const PATH: &str = "/v1/conversations";
pub(crate) const COMMITS: &str = "/v1/conversations/commits";
pub(crate) const LOG: &str = "/v1/conversations/log";

/// What members of an epoch of a conversation know.
fn gate(conversation: u8, epoch: u64) -> [u8; 32] {
    *Hash::of(&[&[conversation], epoch.to_be_bytes().as_slice()].concat()).as_bytes()
}

/// What everybody may know of it.
fn gate_hash(conversation: u8, epoch: u64) -> [u8; 32] {
    *Hash::of(&gate(conversation, epoch)).as_bytes()
}

/// A gate, or its hash, in digits.
fn digits(bytes: [u8; 32]) -> String {
    Hash::from_bytes(bytes).to_string()["sha256:".len()..].to_owned()
}

/// The digits of a conversation's id.
fn id(conversation: u8) -> String {
    format!("{conversation:02x}").repeat(16)
}

/// The start of a conversation by its creator.
pub(crate) fn start(conversation: u8, by: &SigningKey, created_at: Timestamp) -> Start {
    let gate = gate_hash(conversation, 1);
    Start { conversation: [conversation; 16], from: by.id(), server: name(), created_at, gate }
}

/// A member's commit, unlike those of other numbers.
pub(crate) fn commit(conversation: u8, epoch: u64, number: u16) -> NewCommit {
    commit_of(conversation, epoch, format!("commit {number} of {epoch}").into_bytes())
}

/// A member's commit of these bytes.
fn commit_of(conversation: u8, epoch: u64, commit: Vec<u8>) -> NewCommit {
    let (gate, next_gate) = (gate(conversation, epoch), gate_hash(conversation, epoch + 1));
    NewCommit { conversation: [conversation; 16], epoch, gate, next_gate, commit }
}

/// What a log is asked for.
fn part(conversation: u8, after: u64, limit: u64) -> Vec<u8> {
    LogPart { conversation: [conversation; 16], after, limit }.to_json()
}

impl Server {
    /// A server with handles of these keys, and conversations of the first one.
    async fn talking(people: &[u8], conversations: &[u8]) -> Server {
        let server = Server::start().await;
        for seed in people {
            server.register(&format!("person{seed}"), &key(*seed)).await;
        }
        for conversation in conversations {
            server.begin(*conversation, &key(people[0])).await.was(201);
        }
        server
    }

    /// Starts a conversation, signed now.
    pub(crate) async fn begin(&self, conversation: u8, by: &SigningKey) -> Answer {
        self.post(PATH, start(conversation, by, self.clock.now()).sign(by)).await
    }

    /// Sends a commit.
    pub(crate) async fn commit(&self, commit: &NewCommit) -> Answer {
        self.post(COMMITS, commit.to_json()).await
    }

    /// The log that somebody gets who names no part.
    async fn log(&self, conversation: u8) -> Value {
        let answer = self.post(LOG, json!({ "conversation": id(conversation) }).to_string()).await;
        answer.was(200);
        answer.json()
    }
}

impl Answer {
    /// Asserts that a commit was taken, or known, and begins this epoch.
    fn begins(&self, status: u16, epoch: u64) {
        self.was(status);
        assert_eq!(self.json(), json!({ "epoch": epoch }));
    }

    /// Asserts that another commit came first, and that this epoch is current.
    fn is_late(&self, epoch: u64) {
        self.is(409, "conversation_conflict");
        assert_eq!(self.json()["epoch"], epoch);
    }

    /// The epochs of a log's commits.
    fn epochs(&self) -> Vec<u64> {
        self.was(200);
        let commits = self.json()["commits"].as_array().expect("commits").clone();
        commits.iter().map(|commit| commit["epoch"].as_u64().expect("a number")).collect()
    }
}
