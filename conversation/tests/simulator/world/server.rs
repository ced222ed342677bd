//! The home server and the broker, as far as the contract says what they do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kez_conversation::{Answer, Cid, Entry, Facts, Given, Log, Refused, Request};
use kez_core::{Hash, KeyId};

/// Frames of one sender that a mailbox keeps, and how long, in seconds.
const MAILBOX: usize = 256;
const MAIL_SECS: i64 = 30 * 86_400;

type Instance = [u8; 16];

#[derive(Default)]
pub(crate) struct Server {
    pub(crate) chains: BTreeMap<KeyId, Facts>,
    packages: BTreeMap<KeyId, VecDeque<Vec<u8>>>,
    seen_packages: BTreeSet<(KeyId, Hash)>,
    last_resorts: BTreeMap<KeyId, Vec<u8>>,
    /// What a Welcome calls packages that may be used more than once.
    pub(crate) last_references: BTreeSet<Vec<u8>>,
    pub(crate) conversations: BTreeMap<Cid, Conversation>,
    mail: BTreeMap<KeyId, VecDeque<Mail>>,
    kept_ids: BTreeSet<(KeyId, [u8; 16])>,
    instances: BTreeMap<KeyId, Instance>,
    said_instances: BTreeSet<(KeyId, Option<Instance>, Instance, i64)>,
    pub(crate) next_token: u64,
    /// What was given out, to find a package that is used twice.
    pub(crate) given: BTreeMap<Hash, usize>,
    /// Frames that mailboxes threw away after 30 days.
    pub(crate) thrown_away: usize,
    pub(crate) commits: usize,
}

pub(crate) struct Conversation {
    from: KeyId,
    first_gate: [u8; 32],
    started_at: i64,
    pub(crate) entries: Vec<(Entry, i64)>,
    pub(crate) epoch: u64,
    gate: [u8; 32],
}

struct Mail {
    token: u64,
    sender: KeyId,
    frame: Vec<u8>,
    at: i64,
}

/// What a Welcome calls a package (RFC 9420 section 5.2).
fn reference(message: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    let (label, package) = (b"MLS 1.0 KeyPackage Reference", &message[4..]);
    let mut hash = sha2::Sha256::new();
    hash.update([u8::try_from(label.len()).expect("short")]);
    hash.update(label);
    hash.update((0x4000 | u16::try_from(package.len()).expect("short")).to_be_bytes());
    hash.update(package);
    hash.finalize().to_vec()
}

impl Server {
    pub(crate) fn answer(&mut self, chain: KeyId, device: KeyId, request: &Request, now: i64) -> Answer {
        let stands = self.chains[&chain].active.contains(&device);
        match request {
            Request::Chain { chain } => match self.chains.get(chain) {
                Some(facts) => Answer::Chain(facts.clone()),
                None => Answer::Refused(Refused::NotFound),
            },
            Request::Upload { packages, last_resort, replace, .. } => {
                if !stands {
                    return Answer::Refused(Refused::Otherwise);
                }
                let kept = self.packages.entry(device).or_default();
                if *replace {
                    kept.retain(|package| packages.contains(package));
                    self.last_resorts.remove(&device);
                }
                for package in packages {
                    if self.seen_packages.insert((device, Hash::of(package))) {
                        kept.push_back(package.clone());
                    }
                }
                if let Some(last) = last_resort {
                    self.last_references.insert(reference(last));
                    self.last_resorts.insert(device, last.clone());
                }
                let available = u32::try_from(kept.len()).expect("few");
                Answer::Uploaded { available, has_last_resort: self.last_resorts.contains_key(&device) }
            }
            Request::Claim { to, devices, .. } => self.claim(to, devices, stands),
            Request::Start { conversation, gate, .. } => {
                if !stands {
                    return Answer::Refused(Refused::Otherwise);
                }
                match self.conversations.get(conversation) {
                    Some(known) if known.from == chain && known.first_gate == *gate => Answer::Started,
                    Some(_) => Answer::Refused(Refused::Conflict { epoch: None }),
                    None => {
                        let began = Conversation {
                            from: chain,
                            first_gate: *gate,
                            started_at: now,
                            entries: Vec::new(),
                            epoch: 1,
                            gate: *gate,
                        };
                        self.conversations.insert(*conversation, began);
                        Answer::Started
                    }
                }
            }
            Request::Commit { conversation, epoch, gate, next_gate, commit } => {
                let Some(known) = self.conversations.get_mut(conversation) else {
                    return Answer::Refused(Refused::NotFound);
                };
                if known.entries.iter().any(|(entry, _)| entry.commit == *commit) {
                    return Answer::Committed;
                }
                if known.epoch != *epoch {
                    return Answer::Refused(Refused::Conflict { epoch: Some(known.epoch) });
                }
                use sha2::Digest as _;
                if <[u8; 32]>::from(sha2::Sha256::digest(gate)) != known.gate {
                    return Answer::Refused(Refused::NotAMember);
                }
                known.entries.push((Entry { epoch: *epoch, commit: commit.clone(), next_gate: *next_gate }, now));
                known.epoch += 1;
                known.gate = *next_gate;
                self.commits += 1;
                Answer::Committed
            }
            Request::Log { conversation, after } => {
                let Some(known) = self.conversations.get(conversation) else {
                    return Answer::Refused(Refused::NotFound);
                };
                let entries = known.entries.iter().map(|(entry, _)| entry);
                Answer::Log(Log {
                    commits: entries.filter(|entry| entry.epoch > *after).take(100).cloned().collect(),
                    epoch: known.epoch,
                    gate: known.gate,
                    oldest: 1,
                    oldest_gate: known.first_gate,
                    started_at: known.started_at,
                })
            }
            Request::Instance { previous, instance, created_at } => {
                let kept = self.instances.get(&device).copied();
                if kept == Some(*instance) {
                    return Answer::Instance { known: true };
                }
                if !self.said_instances.insert((device, *previous, *instance, created_at.unix())) {
                    return Answer::Refused(Refused::Conflict { epoch: None });
                }
                if previous.is_none() || kept.is_none() || *previous == kept {
                    self.instances.insert(device, *instance);
                    return Answer::Instance { known: false };
                }
                Answer::Refused(Refused::Conflict { epoch: None })
            }
        }
    }

    fn claim(&mut self, to: &KeyId, devices: &[KeyId], stands: bool) -> Answer {
        let Some(facts) = self.chains.get(to).filter(|_| stands) else {
            return Answer::Refused(Refused::NotFound);
        };
        let mut given = Vec::new();
        for device in facts.active.iter().filter(|device| devices.is_empty() || devices.contains(device)) {
            let one_time = self.packages.get_mut(device).and_then(VecDeque::pop_front);
            let (package, last_resort) = match one_time {
                Some(package) => (package, false),
                None => match self.last_resorts.get(device) {
                    Some(package) => (package.clone(), true),
                    None => continue,
                },
            };
            if !last_resort {
                *self.given.entry(Hash::of(&package)).or_default() += 1;
            }
            given.push(Given { device: *device, package, last_resort });
        }
        Answer::Claimed(given)
    }

    /// False when the mailbox takes no more of this sender.
    pub(crate) fn publish(&mut self, sender: KeyId, device: KeyId, id: [u8; 16], frame: Vec<u8>, now: i64) -> bool {
        let mailbox = self.mail.entry(device).or_default();
        if mailbox.iter().filter(|mail| mail.sender == sender).count() >= MAILBOX {
            return false;
        }
        if self.kept_ids.insert((device, id)) {
            self.next_token += 1;
            mailbox.push_back(Mail { token: self.next_token, sender, frame, at: now });
        }
        true
    }

    /// The next frame of a mailbox behind `after`, which stays until it is acknowledged.
    pub(crate) fn pull(&mut self, device: KeyId, after: u64, now: i64) -> Option<(u64, KeyId, Vec<u8>)> {
        let mailbox = self.mail.entry(device).or_default();
        let before = mailbox.len();
        mailbox.retain(|mail| now - mail.at <= MAIL_SECS);
        self.thrown_away += before - mailbox.len();
        let next = mailbox.iter().find(|mail| mail.token > after)?;
        Some((next.token, next.sender, next.frame.clone()))
    }

    pub(crate) fn acknowledge(&mut self, device: KeyId, token: u64) {
        self.mail.entry(device).or_default().retain(|mail| mail.token != token);
    }

    pub(crate) fn revoke(&mut self, chain: KeyId, device: KeyId) {
        let facts = self.chains.get_mut(&chain).expect("a chain");
        facts.active.retain(|active| *active != device);
        facts.entries += 1;
        self.packages.remove(&device);
        self.last_resorts.remove(&device);
    }

    pub(crate) fn add(&mut self, chain: KeyId, device: KeyId) {
        let facts = self.chains.get_mut(&chain).expect("a chain");
        facts.active.push(device);
        facts.ever.push(device);
        facts.entries += 1;
    }
}
