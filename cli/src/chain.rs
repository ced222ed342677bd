//! An identity's chain, as its server tells it and as it verifies here.

use std::time::{Duration, Instant};

use kez_core::sigchain::{Audit, Chain, Head, MAX_AUDIT_BYTES, Place, Reason, Standing, State};
use kez_core::{Code, Hash, KeyId, Record, ServerName};
use serde::Deserialize;

use crate::client::Client;
use crate::failure::{Failure, Local};
use crate::server_url::ServerUrl;

/// How long verifying a log may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A chain that was fetched and verified whole, and where events for it go.
pub(crate) struct Fetched {
    client: Client,
    path: String,
    /// The audit log as it was served.
    pub(crate) log: Vec<u8>,
    /// What it comes to; nothing is in it when there is no chain yet.
    pub(crate) chain: Chain,
}

/// An accepted event, by the server's word.
#[derive(Deserialize)]
struct Accepted {
    hash: Hash,
    seq: u64,
}

impl Fetched {
    /// Fetches the chain that a record names, and verifies all of it.
    pub(crate) fn of(record: &Record) -> Result<Fetched, Failure> {
        let path = path_of(&record.chain);
        let origin = record.sigchain_url.strip_suffix(&path).and_then(|origin| origin.parse::<ServerUrl>().ok());
        let origin = origin.ok_or_else(|| not_verified("The record's `sigchain_url` is not its chain's."))?;
        Fetched::at(origin, record.chain)
    }

    /// Fetches the chain of this genesis key from a sigchain server, and verifies all of it.
    pub(crate) fn at(origin: ServerUrl, id: KeyId) -> Result<Fetched, Failure> {
        let path = path_of(&id);
        let client = Client::new(origin);
        let log = match client.get_bytes_up_to(&format!("{path}/audit"), MAX_AUDIT_BYTES, too_large()) {
            Err(failure) if failure.is(Code::NotFound) => Vec::new(),
            log => log?,
        };
        let chain = if log.is_empty() { Chain::new(id) } else { verify(&log, id, PATIENCE)? };
        Ok(Fetched { client, path, log, chain })
    }

    /// The chain's newest event.
    ///
    /// # Errors
    /// When there is no chain yet.
    pub(crate) fn head(&self) -> Result<Head, Failure> {
        self.chain.head().ok_or_else(|| {
            Failure::new(Local::NoChain, "The identity has no chain yet; `kez sigchain create` begins one.")
        })
    }

    /// Holds a record against the chain: its head is in the log, and the primary is the one that it leads to.
    pub(crate) fn agrees_with(&self, record: &Record) -> Result<(), Failure> {
        let Some(head) = record.head else {
            return Err(not_verified("The server shows a chain's log and a record without a head."));
        };
        let state = match self.chain.standing(&head) {
            Some(Standing::InChain(seq)) => self.chain.state_at(seq),
            Some(Standing::Nullified { .. }) => {
                return Err(not_verified("The chain was changed by a recovery just now; ask again."));
            }
            None => return Err(not_verified("The record's head is not in the chain's log.")),
        };
        // A chain that moved away is in use elsewhere, and not at the server that gave the record.
        let server: Option<ServerName> = record.fqhn.rsplit('@').next().and_then(|server| server.parse().ok());
        let is_in_use = |state: &State| server.as_ref().is_some_and(|server| state.is_in_use_at(server));
        match state {
            Some(state) if state.primary == record.primary && is_in_use(&state) == record.active => Ok(()),
            _ => Err(not_verified("The record says something else than the chain comes to.")),
        }
    }

    /// Sends an event, judged here first, and adds it; gives its place. A server whose head is another refuses it.
    pub(crate) fn post(&mut self, event: &[u8]) -> Result<Head, Failure> {
        let head = self.chain.head().map(|head| head.hash);
        let judged = kez_core::sigchain::Unverified::parse(event).ok().map(|event| {
            let id = event.id();
            // The server's clock decides; nothing can be earlier than the last entry.
            let now = crate::system::now();
            let received_at = self.chain.last_received_at().map_or(now, |last| last.max(now));
            self.chain.append(event, received_at).map(|()| id)
        });
        let id = match judged {
            Some(Ok(id)) => id,
            Some(Err(reason)) => return Err(refused(reason)),
            None => return Err(not_verified("The event is none.")),
        };
        let accepted: Accepted = self.client.post_if(&format!("{}/events", self.path), event, head)?;
        let expected =
            self.chain.head().filter(|head| head.hash == id && accepted.hash == id && accepted.seq == head.seq);
        expected.ok_or_else(|| not_verified("The server says that it accepted another event."))
    }

    /// Where the next event stands.
    pub(crate) fn next(&self) -> Place {
        self.chain.next()
    }
}

fn path_of(chain: &KeyId) -> String {
    format!("/v1/sigchains/{}/{}", chain.suite().as_str(), chain.hex())
}

/// The newest event of the chain of this genesis key, by the word of its server; none where there is no chain.
pub(crate) fn head_at(origin: ServerUrl, id: &KeyId) -> Result<Option<Hash>, Failure> {
    match Client::new(origin).get::<Accepted>(&format!("{}/head", path_of(id))) {
        Err(failure) if failure.is(Code::NotFound) => Ok(None),
        head => head.map(|head| Some(head.hash)),
    }
}

/// Verifies a whole log, which has to be that of `chain`, as long as there is patience.
fn verify(log: &[u8], chain: KeyId, patience: Duration) -> Result<Chain, Failure> {
    let started = Instant::now();
    let audit = Audit::parse(log)?;
    if audit.chain != chain.to_string() {
        return Err(not_verified("The server gave another chain's log."));
    }
    let mut verified = Chain::new(chain);
    for (index, received) in audit.entries().enumerate() {
        if started.elapsed() >= patience {
            return Err(too_slow());
        }
        verified.replay(received.entry).map_err(|reason| does_not_verify(index, reason))?;
    }
    if verified.head().is_some() { Ok(verified) } else { Err(does_not_verify(0, Reason::BadGenesis)) }
}

fn does_not_verify(index: usize, reason: Reason) -> Failure {
    let detail = format!("The chain's log does not verify: entry {index} is refused ({reason}). {}", reason.detail());
    Failure::new(Local::NotVerified, detail)
}

fn too_large() -> Failure {
    let detail = format!(
        "This identity's log is larger than kez reads ({} MiB), so nothing that the server says of it was verified.",
        MAX_AUDIT_BYTES / 1024 / 1024
    );
    Failure::new(Local::LogTooLarge, detail)
}

fn too_slow() -> Failure {
    let detail =
        "This identity's log takes longer to verify than kez waits, so nothing that the server says of it counts.";
    Failure::new(Local::LogTooLarge, detail)
}

/// What the protocol does not permit was not sent.
fn refused(reason: kez_core::sigchain::Reason) -> Failure {
    kez_core::Problem::new(reason.code(), format!("{} Nothing was sent ({reason}).", reason.detail())).into()
}

fn not_verified(detail: &'static str) -> Failure {
    Failure::new(Local::NotVerified, detail)
}

#[cfg(test)]
mod tests {
    use kez_core::sigchain::Body;
    use kez_core::{SigningKey, Timestamp};

    use super::*;

    #[test]
    fn a_log_is_verified_as_long_as_there_is_patience() {
        let key = SigningKey::from_seed(&[1; 32]);
        let (id, at) = (key.id(), Timestamp::from_unix(1_779_678_000));
        let server = "kez.lat".parse().expect("a name");
        let genesis =
            Place::genesis(id).sign(&Body::Genesis { primary: id, rotation_keys: vec![id], server }, at, &key);
        let genesis = String::from_utf8(genesis).expect("JSON is text");
        let log = format!(r#"{{"chain":"{id}","entries":[{{"event":{genesis},"received_at":"{at}"}}]}}"#);
        assert!(verify(log.as_bytes(), id, PATIENCE).is_ok());
        let code =
            |log: &str, patience| verify(log.as_bytes(), id, patience).map(|_| ()).map_err(|failure| failure.code);
        assert_eq!(code(&log, Duration::ZERO), Err("log_too_large"));
        assert_eq!(code(&log.replace("2026-05-25T03:00:00Z\"}]", "\"}]"), PATIENCE), Err("not_verified"));
        assert_eq!(code(&format!(r#"{{"chain":"{id}","entries":[]}}"#), PATIENCE), Err("not_verified"));
    }
}
