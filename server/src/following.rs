//! Following the chains of a sigchain server of its own: what it says is verified here, and only an extension of what
//! was followed before, or a fork that the protocol permits, is taken in.
//!
//! The server's log of all chains tells which of them changed; their audit logs are fetched, replayed and compared.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kez_core::sigchain::Audit;
use kez_core::{Hash, KeyId};
use kez_http::bearer::Token;
use serde::Deserialize;

use crate::store::{Followed, Store, StoreError};

/// How often the log is asked for. A revoked key has to lose its sessions within 5 seconds.
const EVERY: Duration = Duration::from_secs(1);
/// After so many rounds, chains that could not be followed are tried again.
const RETRY_ROUNDS: u32 = 60;
const PATIENCE: Duration = Duration::from_secs(30);
/// Entries of the log that are asked for at once.
const PAGE: u64 = 500;
/// Largest answer that is read, in bytes: an audit log of 10,000 entries, each with its receipt, is half of it.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Follows one server.
pub(crate) struct Follower {
    url: String,
    /// Opens the server's log of all chains.
    token: Option<Token>,
    store: Arc<dyn Store>,
    agent: ureq::Agent,
    is_well: Arc<AtomicBool>,
    /// Chains that could not be followed when they changed.
    behind: BTreeSet<KeyId>,
}

/// One line of the log, as far as it matters.
#[derive(Deserialize)]
struct Line {
    log_index: u64,
    chain: KeyId,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("it cannot be asked: {0}")]
    Away(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Follower {
    /// Follows the server at `url`, which has no slash at its end. Whether that goes well is kept in `is_well`.
    pub(crate) fn new(url: String, token: Option<Token>, store: Arc<dyn Store>, is_well: Arc<AtomicBool>) -> Self {
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        Follower { url, token, store, agent: agent.max_redirects(0).build().into(), is_well, behind: BTreeSet::new() }
    }

    /// Follows until it is dropped.
    pub(crate) async fn run(mut self) {
        for round in 0_u32.. {
            if round.is_multiple_of(RETRY_ROUNDS)
                && let Err(trouble) = self.retry().await
            {
                tracing::debug!(%trouble, "chains that are behind cannot be tried again yet");
            }
            let done = self.catch_up().await;
            let was_well = self.is_well.swap(done.is_ok(), Ordering::Relaxed);
            if let Err(trouble) = done
                && was_well
            {
                tracing::warn!(url = self.url, %trouble, "the sigchain server cannot be followed");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Takes in everything that is new in the log.
    async fn catch_up(&mut self) -> Result<(), Trouble> {
        loop {
            let after = self.store.followed_to(&self.url).await?;
            // The last entry that is known is asked for again: a log that lost it was set back.
            let lines = self.log(after.saturating_sub(1)).await?;
            let Some(last) = lines.last().map(|line| line.log_index) else {
                if after > 0 {
                    tracing::error!(
                        url = self.url,
                        "the sigchain server's log is shorter than it was; reading it anew"
                    );
                    self.store.follow(&self.url, Vec::new(), 0).await?;
                }
                return Ok(());
            };
            if last <= after {
                return Ok(());
            }
            let chains = lines.iter().filter(|line| line.log_index > after).map(|line| line.chain).collect();
            self.take_in(chains, last).await?;
        }
    }

    async fn retry(&mut self) -> Result<(), Trouble> {
        let after = self.store.followed_to(&self.url).await?;
        let behind = std::mem::take(&mut self.behind);
        self.take_in(behind, after).await
    }

    async fn take_in(&mut self, chains: BTreeSet<KeyId>, log_index: u64) -> Result<(), Trouble> {
        let mut taken = Vec::new();
        for chain in chains {
            match self.verified(chain).await? {
                Ok(followed) => taken.push(followed),
                Err(why) => {
                    tracing::error!(%chain, url = self.url, why, "a chain is not followed; its handle stays as it was");
                    self.behind.insert(chain);
                }
            }
        }
        let named: Vec<KeyId> = taken.iter().map(|followed| followed.summary.chain).collect();
        let answers = self.store.follow(&self.url, taken, log_index).await?;
        for (chain, answer) in named.into_iter().zip(answers) {
            match answer {
                Ok(()) => drop(self.behind.remove(&chain)),
                Err(reason) => {
                    tracing::error!(%chain, url = self.url, %reason, "a chain is not followed; its handle stays as it was");
                    self.behind.insert(chain);
                }
            }
        }
        Ok(())
    }

    /// What the chain comes to, or why that is not believed.
    async fn verified(&self, chain: KeyId) -> Result<Result<Followed, String>, Trouble> {
        let text = self.fetch(format!("{}/v1/sigchains/ed25519/{}/audit", self.url, chain.hex()), None).await?;
        let known = self.store.followed(&chain).await?;
        // Thousands of signatures would hold up whoever else runs on this thread.
        let judged = tokio::task::spawn_blocking(move || judge(chain, &text, known)).await;
        judged.map_err(|error| Trouble::Away(error.to_string()))
    }

    async fn log(&self, after: u64) -> Result<Vec<Line>, Trouble> {
        let text = self.fetch(format!("{}/v1/export?after={after}&limit={PAGE}", self.url), self.token.clone()).await?;
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(serde_json::from_slice)
            .collect::<Result<_, _>>()
            .map_err(|error| Trouble::Away(format!("its log cannot be read: {error}")))
    }

    async fn fetch(&self, url: String, token: Option<Token>) -> Result<Vec<u8>, Trouble> {
        let agent = self.agent.clone();
        let fetched = tokio::task::spawn_blocking(move || {
            let mut request = agent.get(&url);
            if let Some(token) = token {
                request = request.header("authorization", token.header().as_str());
            }
            let mut answer = request.call().map_err(|error| error.to_string())?;
            match answer.status().as_u16() {
                200 => {}
                401 => return Err("it answers 401: --sig-server-token is not its export token".to_owned()),
                status => return Err(format!("it answers {status}")),
            }
            let mut text = Vec::new();
            let mut body = answer.body_mut().as_reader().take(MAX_BYTES + 1);
            body.read_to_end(&mut text).map_err(|error| error.to_string())?;
            if text.len() as u64 > MAX_BYTES { Err("its answer is too large".to_owned()) } else { Ok(text) }
        });
        fetched.await.map_err(|error| error.to_string()).flatten().map_err(Trouble::Away)
    }
}

/// Replays an audit log, and holds it against how many entries were followed before and the last one of them.
fn judge(chain: KeyId, text: &[u8], known: Option<(u64, Hash)>) -> Result<Followed, String> {
    let audit = Audit::parse(text).map_err(|problem| problem.detail)?;
    if audit.chain != chain.to_string() {
        return Err("it is another chain's log".to_owned());
    }
    if let Some((entries, head)) = known {
        let last = usize::try_from(entries).ok().and_then(|entries| audit.entries.get(entries.checked_sub(1)?));
        if last.is_none_or(|entry| Hash::of(&entry.event.to_canonical()) != head) {
            return Err("it does not begin with the log that was followed before".to_owned());
        }
    }
    let verified = audit.verify().map_err(|failure| failure.to_string())?;
    let (summary, state) = verified.summary().zip(verified.state()).ok_or_else(|| "it is empty".to_owned())?;
    Ok(Followed { summary, claims: state.claims.clone() })
}
