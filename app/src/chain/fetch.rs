//! An identity's chain, as its server tells it and as it verifies here.

use kez_core::canonical::Json;
use kez_core::registration::{Expected, Unproven};
use kez_core::sigchain::{Audit, Body, Chain, Entries, Event, Reason, Received, Standing, State, Unverified};
use kez_core::{Handle, Hash, KeyId, ServerName, SigningKey, Timestamp};

use crate::api::{self, Failure, Holder};
use crate::browser;
use crate::place::{server_name, sigchains};
use crate::vault::Fault;

/// After so many verified events the browser gets a turn, so that the page stays alive.
const SLICE: usize = 16;
/// Seconds that fetching a log may take, and verifying it.
const PATIENCE_SECS: u64 = 30;

const TOO_LARGE: &str = "This identity's log of keys is larger than this page reads, so nothing of it was verified. Its owner can tell you more by another way.";
const TOO_SLOW: &str = "This identity's log of keys takes longer to fetch and verify than this page waits. Try again where the connection or the device is quicker.";

/// An event of the log, as it verified.
pub(super) struct Told {
    pub(super) id: Hash,
    pub(super) seq: u64,
    pub(super) signer: KeyId,
    pub(super) body: Body,
    /// When the server received it, by its own word.
    pub(super) received_at: Timestamp,
}

/// A chain, and its log in order.
pub(super) struct Fetched {
    pub(super) chain: Chain,
    pub(super) told: Vec<Told>,
}

/// Why a chain is not to be had, or takes no event.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    Api(Failure),
    /// The log is larger than is read, or takes longer than is waited for, in these words.
    TooMuch(&'static str),
    /// The log does not verify.
    Invalid(usize, Reason),
    /// The server contradicts itself, in these words.
    Odd(&'static str),
    /// Protocol and owner do not permit the event.
    Refused(Reason),
    /// The chain went on meanwhile.
    MovedOn,
    Vault(Fault),
}

impl Trouble {
    /// What happened, and what to do.
    pub(super) fn advice(&self) -> String {
        match self {
            Trouble::Api(failure) => failure.advice(),
            Trouble::Invalid(index, reason) => format!(
                "The log of this identity's keys does not verify: entry {index} is refused ({reason}). Do not trust what this server says of it."
            ),
            Trouble::TooMuch(what) | Trouble::Odd(what) => (*what).to_owned(),
            Trouble::Refused(Reason::KeyRevoked | Reason::KeyNotAuthorised) => {
                "The key in this browser may not do this any more, or never could.".to_owned()
            }
            Trouble::Refused(Reason::LimitReached) => {
                "The log of keys holds as much of this as the server takes. Remove something first; nothing was sent."
                    .to_owned()
            }
            // Whatever else it refuses, this page should not have made.
            Trouble::Refused(reason) => format!("The log of keys cannot take this ({reason}). Nothing was sent."),
            Trouble::MovedOn => "The log of keys changed in the meantime. Look again, then decide.".to_owned(),
            Trouble::Vault(fault) => fault.advice().to_owned(),
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Trouble::Api(failure)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::Vault(fault)
    }
}

impl Fetched {
    /// A chain that has not begun.
    pub(super) fn empty(chain: KeyId) -> Fetched {
        Fetched { chain: Chain::new(chain), told: Vec::new() }
    }

    /// Fetches the chain of a record and verifies all of it; an empty one when it has not begun. The record has to say
    /// what the chain comes to.
    pub(super) async fn of(holder: &Holder) -> Result<Fetched, Trouble> {
        let mut fetched = Fetched::empty(holder.chain);
        let Some(head) = holder.head else { return Ok(fetched) };
        let started = browser::now();
        let is_late = || browser::now().abs_diff(started) >= PATIENCE_SECS;
        let asked = browser::get_within(&format!("{}/audit", path(&holder.chain)), PATIENCE_SECS as i32 * 1_000).await;
        let answer = asked
            .map_err(|offline| if is_late() { Trouble::TooMuch(TOO_SLOW) } else { Failure::from(offline).into() })?;
        if !answer.is_whole {
            return Err(Trouble::TooMuch(TOO_LARGE));
        }
        if answer.status != 200 {
            return Err(api::refusal(&answer).into());
        }
        let audit = Audit::parse(&answer.body).map_err(|_| Failure::Odd)?;
        if audit.chain != holder.chain.to_string() {
            return Err(Trouble::Odd("The server gave the log of another identity."));
        }
        fetched.verify(audit.entries()).await?;
        let state = match fetched.chain.standing(&head) {
            Some(Standing::InChain(seq)) => fetched.chain.state_at(seq),
            Some(Standing::Nullified { .. }) => return Err(Trouble::MovedOn),
            None => return Err(Trouble::Odd("The server's record names an event that is not in the log of keys.")),
        };
        // A chain that moved away is in use elsewhere, and not at this server.
        let is_in_use = |state: &State| state.active && state.server.matches(&server_name());
        match state {
            Some(state) if state.primary == holder.primary && is_in_use(&state) == holder.active => Ok(fetched),
            _ => Err(Trouble::Odd("The server's record says something else than the log of keys.")),
        }
    }

    async fn verify(&mut self, entries: Entries<'_>) -> Result<(), Trouble> {
        let started = browser::now();
        for (index, Received { entry, .. }) in entries.enumerate() {
            self.take(entry.event, entry.received_at).map_err(|reason| Trouble::Invalid(index, reason))?;
            if index % SLICE == SLICE - 1 {
                browser::sleep(0).await;
                if browser::now().abs_diff(started) >= PATIENCE_SECS {
                    return Err(Trouble::TooMuch(TOO_SLOW));
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Json, received_at: Option<Timestamp>) -> Result<(), Reason> {
        let event = self.chain.authenticate(Unverified::read(event)?)?;
        self.add(event, received_at.ok_or(Reason::BadReceivedAt)?)
    }

    fn add(&mut self, event: Event, received_at: Timestamp) -> Result<(), Reason> {
        let (id, seq, signer, body) = (event.id(), event.seq(), event.signer(), event.body().clone());
        let step = self.chain.judge(event, received_at)?;
        self.chain.commit(step);
        self.told.push(Told { id, seq, signer, body, received_at });
        Ok(())
    }

    /// Signs `body` behind the head, and sends it.
    pub(super) async fn sign(&mut self, body: &Body, key: &SigningKey) -> Result<(), Trouble> {
        let event = self.chain.next().sign(body, browser::now(), key);
        self.post(&event).await
    }

    /// Sends an event, judged here first, and adds it. A server whose head is another one refuses it.
    pub(super) async fn post(&mut self, event: &[u8]) -> Result<(), Trouble> {
        let head = self.chain.head().map(|head| format!("\"{}\"", head.hash));
        let odd = Trouble::Odd("This page made an event that is none; load it again.");
        let event_read = Unverified::parse(event).map_err(|_| odd.clone())?;
        let event_read = self.chain.authenticate(event_read).map_err(Trouble::Refused)?;
        // The server's clock decides; nothing can be earlier than the last entry.
        let now = browser::now();
        let received_at = self.chain.last_received_at().map_or(now, |last| last.max(now));
        self.chain.judge(event_read.clone(), received_at).map_err(Trouble::Refused)?;
        let if_match = head.as_deref().map(|head| ("if-match", head));
        let path = format!("{}/events", path(&self.chain.id()));
        let answer = browser::send_json("POST", &path, event, if_match.as_slice()).await.map_err(Failure::from)?;
        match answer.status {
            200 | 201 => self.add(event_read, received_at).map_err(Trouble::Refused),
            409 => Err(Trouble::MovedOn),
            _ => Err(api::refusal(&answer).into()),
        }
    }

    /// How many events `fork` displaced.
    pub(super) fn displaced_by(&self, fork: &Hash) -> usize {
        let by = Some(Standing::Nullified { by: *fork });
        self.told.iter().filter(|told| self.chain.standing(&told.id) == by).count()
    }

    /// Whether the event is still in the chain.
    pub(super) fn holds(&self, told: &Told) -> bool {
        matches!(self.chain.standing(&told.id), Some(Standing::InChain(_)))
    }
}

/// Who has the handle that `key` stands for; none when it stands for nobody.
pub(super) async fn holder_of(key: &KeyId) -> Result<Option<Holder>, Failure> {
    match api::lookup_key(*key).await {
        Ok(holder) => Ok(Some(holder)),
        Err(failure) if failure.is_nobody() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Who has `handle`, with the verified chain: the key that signed for the name has to be one of the chain's primaries.
pub(super) async fn proven(handle: &Handle, server: &ServerName) -> Result<(Holder, Fetched), Trouble> {
    let holder = api::lookup(handle, None).await?;
    let envelope = api::registration(handle).await?;
    let fetched = Fetched::of(&holder).await?;
    let expect = |primary| Expected { handle, primary, server }.verify(&envelope);
    let signer = match expect(holder.primary) {
        Ok(_) => Some(holder.primary),
        Err(Unproven::Differs { member: "primary", signed }) => {
            signed.parse().ok().filter(|signer| expect(*signer).is_ok())
        }
        Err(_) => None,
    };
    let is_theirs = signer.is_some_and(|signer| match fetched.chain.head() {
        Some(_) => fetched.chain.had_primary(&signer),
        None => signer == holder.primary && signer == holder.chain,
    });
    if is_theirs {
        Ok((holder, fetched))
    } else {
        Err(Trouble::Odd("The name does not prove itself: who signed for it has nothing to do with its log of keys."))
    }
}

/// Where a chain is.
pub(super) fn path(chain: &KeyId) -> String {
    format!("{}/v1/sigchains/{}/{}", sigchains(), chain.suite().as_str(), chain.hex())
}
