//! What the machine asks the home server, and what the answers mean to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use kez_conversation::{Answer, Cid, Entry, Facts, Given, Log, Refused, Request};
use kez_core::chat_instance::ChatInstance;
use kez_core::commit_order::{LogPart, MAX_COMMITS, NewCommit};
use kez_core::contact_request::MessageId;
use kez_core::conversation_start::Start;
use kez_core::key_packages::{Claim, KeyPackage, Upload};
use kez_core::{Code, Hash, KeyId, Record, Timestamp};
use serde::Deserialize;

use crate::broker::Member;
use crate::chain::{self, Fetched};
use crate::client::Refusal;
use crate::commands::home::Home;
use crate::commands::inbox::identity::{ProvenIdentity, Whose};
use crate::commands::lookup;
use crate::failure::Failure;

/// Seconds to wait where a server refuses for now and does not say how long.
const RETRY_SECS: u64 = 60;

/// The home server, as the machine sees it.
pub(super) struct Asks {
    home: Arc<Home>,
    member: Arc<Member>,
    /// Chains as they were verified last, by the event that was the newest.
    chains: Mutex<BTreeMap<KeyId, (Hash, Facts)>>,
}

#[derive(Deserialize)]
struct Uploaded {
    available: u32,
    has_last_resort: bool,
}

#[derive(Deserialize)]
struct Claimed {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    device: KeyId,
    package: String,
    last_resort: bool,
}

#[derive(Deserialize)]
struct WireLog {
    commits: Vec<Commit>,
    epoch: u64,
    gate: String,
    oldest: u64,
    oldest_gate: String,
    started_at: Timestamp,
}

#[derive(Deserialize)]
struct Commit {
    epoch: u64,
    commit: String,
    next_gate: String,
}

#[derive(Deserialize)]
struct Instance {
    instance: String,
}

impl Asks {
    pub(super) fn new(home: Arc<Home>, member: Arc<Member>) -> Self {
        Asks { home, member, chains: Mutex::default() }
    }

    /// Asks, and waits for the answer. What no server of this kind would say is no answer.
    pub(super) fn answer(&self, what: Request) -> Answer {
        match what {
            Request::Upload { packages, last_resort, replace, created_at, nonce } => {
                // The machine made them; what is none would be refused.
                let packages = packages.into_iter().filter_map(KeyPackage::from_bytes).collect();
                let last_resort = last_resort.and_then(KeyPackage::from_bytes);
                let upload = Upload {
                    chain: self.member.chain,
                    server: self.home.name.clone(),
                    created_at,
                    nonce: MessageId::from_bytes(nonce),
                    replace,
                    packages,
                    last_resort,
                };
                let body = upload.sign(&self.member.key);
                self.post("/v1/keypackages", &body, |Uploaded { available, has_last_resort }| {
                    Some(Answer::Uploaded { available, has_last_resort })
                })
            }
            Request::Claim { to, devices, created_at, nonce } => {
                let claim = Claim {
                    from: self.member.chain,
                    to,
                    server: self.home.name.clone(),
                    created_at,
                    nonce: MessageId::from_bytes(nonce),
                    devices,
                };
                self.post("/v1/keypackages/claims", &claim.sign(&self.member.key), claimed)
            }
            Request::Start { conversation, gate, created_at } => {
                let start = Start {
                    conversation: conversation.0,
                    from: self.member.chain,
                    server: self.home.name.clone(),
                    created_at,
                    gate,
                };
                let body = start.sign(&self.member.key);
                self.post("/v1/conversations", &body, |_: serde::de::IgnoredAny| Some(Answer::Started))
            }
            Request::Commit { conversation, epoch, gate, next_gate, commit } => {
                let body = NewCommit { conversation: conversation.0, epoch, gate, next_gate, commit }.to_json();
                let committed = |_: serde::de::IgnoredAny| Some(Answer::Committed);
                self.post("/v1/conversations/commits", &body, committed)
            }
            Request::Log { conversation, after } => self.log(conversation, after),
            Request::Chain { chain } => self.chain(chain),
            Request::Instance { previous, instance, created_at } => {
                let chat_instance = ChatInstance {
                    chain: self.member.chain,
                    server: self.home.name.clone(),
                    created_at,
                    previous,
                    instance,
                };
                let body = chat_instance.sign(&self.member.key);
                self.ask("/v1/chat/instance", &body, |known, Instance { instance: kept }| {
                    (kept == const_hex::encode(instance)).then_some(Answer::Instance { known })
                })
            }
        }
    }

    fn post<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        body: &[u8],
        read: impl FnOnce(T) -> Option<Answer>,
    ) -> Answer {
        self.ask(path, body, |_, answer| read(answer))
    }

    /// `read` is told whether the server had it before (200), and what it says.
    fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        body: &[u8],
        read: impl FnOnce(bool, T) -> Option<Answer>,
    ) -> Answer {
        match self.home.client.ask(path, body) {
            Ok((known, answer)) => {
                serde_json::from_slice(&answer).ok().and_then(|answer| read(known, answer)).unwrap_or(Answer::None)
            }
            Err(Some(refusal)) => refused(&refusal),
            Err(None) => Answer::None,
        }
    }

    fn log(&self, conversation: Cid, after: u64) -> Answer {
        let body = LogPart { conversation: conversation.0, after, limit: MAX_COMMITS }.to_json();
        self.post("/v1/conversations/log", &body, |log: WireLog| {
            let mut commits = Vec::with_capacity(log.commits.len());
            for Commit { epoch, commit, next_gate } in log.commits {
                let commit = BASE64URL_NOPAD.decode(commit.as_bytes()).ok()?;
                commits.push(Entry { epoch, commit, next_gate: hash(&next_gate)? });
            }
            Some(Answer::Log(Log {
                commits,
                epoch: log.epoch,
                gate: hash(&log.gate)?,
                oldest: log.oldest,
                oldest_gate: hash(&log.oldest_gate)?,
                started_at: log.started_at.unix(),
            }))
        })
    }

    /// The chain of an identity as it verifies here, and whether its handle is live by the home server's word.
    fn chain(&self, chain: KeyId) -> Answer {
        match self.facts(chain) {
            Ok(Some(facts)) => Answer::Chain(facts),
            Ok(None) => Answer::Refused(Refused::NotFound),
            Err(_) => Answer::None,
        }
    }

    fn facts(&self, chain: KeyId) -> Result<Option<Facts>, Failure> {
        let Some(head) = chain::head_at(self.home.sig_server.clone(), &chain)? else {
            let record = self.record(&chain)?.filter(|record| record.chain == chain);
            return Ok(record.map(|record| Facts::without_chain(chain, record.active && record.head.is_none())));
        };
        let kept = self.chains.lock().unwrap_or_else(PoisonError::into_inner).get(&chain).cloned();
        let facts = match kept.filter(|(known, _)| *known == head) {
            Some((_, facts)) => facts,
            None => {
                let fetched = Fetched::at(self.home.sig_server.clone(), chain)?;
                let Ok(facts) = Facts::verify(chain, &fetched.log, &self.home.name, true) else { return Ok(None) };
                let head = facts.head.map_or(head, |(_, head)| head);
                let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
                chains.insert(chain, (head, facts.clone()));
                facts
            }
        };
        // The server knows an identity by the keys that stand for it now.
        let primary = facts.active.first().copied().unwrap_or(chain);
        let is_here = self.record(&primary)?.is_some_and(|record| record.chain == chain && record.active);
        Ok(Some(Facts { live: facts.live && is_here, ..facts }))
    }

    /// The handle of an identity, where the server proves one.
    pub(super) fn handle_of(&self, chain: KeyId) -> Option<String> {
        let whose = Whose::of(&self.home, &chain, &chain).ok()?;
        let identity = ProvenIdentity::of(&self.home, &chain, whose).ok()?;
        identity.handle.map(|handle| handle.to_string())
    }

    fn record(&self, key: &KeyId) -> Result<Option<Record>, Failure> {
        match lookup::by_key(&self.home.client, key) {
            Err(failure) if failure.is(Code::NotFound) => Ok(None),
            record => record.map(Some),
        }
    }
}

fn claimed(Claimed { packages }: Claimed) -> Option<Answer> {
    let given = packages.into_iter().map(|Package { device, package, last_resort }| {
        let package = BASE64URL_NOPAD.decode(package.as_bytes()).ok()?;
        Some(Given { device, package, last_resort })
    });
    given.collect::<Option<_>>().map(Answer::Claimed)
}

fn hash(hex: &str) -> Option<[u8; 32]> {
    const_hex::decode_to_array(hex).ok()
}

fn refused(refusal: &Refusal) -> Answer {
    Answer::Refused(match refusal.code {
        Code::NotFound | Code::Gone => Refused::NotFound,
        Code::ConversationConflict => Refused::Conflict { epoch: refusal.epoch },
        Code::NotAMember => Refused::NotAMember,
        Code::RateLimited => Refused::Limited { retry_after: refusal.retry_after.unwrap_or(RETRY_SECS) },
        Code::StaleTimestamp => Refused::Stale,
        Code::Unavailable | Code::Internal => return Answer::None,
        _ => Refused::Otherwise,
    })
}
