//! Following the chains of a sigchain server of its own: what it says is verified here, and only an extension of what was
//! followed before, or a fork that the protocol permits, is taken in.
//!
//! The server's log of all chains brings each new event, which is added to the chain that it belongs to (`kept.rs`). A
//! chain that is not in memory, or that the event does not fit, is fetched whole, beside everything else and few at a time.
//! What cannot be taken in is noted in the database with how far the log was read, so that it is tried again, also after a
//! restart, and holds up nothing else (`behind.rs`).

mod behind;
mod health;
mod kept;
mod memory;
mod remote;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kez_core::sigchain::{Line, Unverified};
use kez_core::{Hash, KeyId};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use behind::{Behind, Why};
use health::Report;
use kept::{Kept, Refused};
use kez_store::StoreError;
use kez_store::followed::{Followed, Following, Taken};
use memory::Memory;
use remote::{PAGE, Read, Unread};

pub(crate) use health::Health;
pub(crate) use remote::Remote;

/// How often the log is asked for. A revoked key has to lose its sessions within 5 seconds.
const EVERY: Duration = Duration::from_secs(1);
/// Chains that are fetched and verified side by side.
const FETCHES: usize = 4;

/// What came of fetching a chain.
type Fetched = (KeyId, Result<Kept, Unread>);
/// Chains that have to be fetched, and the newest event of each, where that can be read.
type Cold = BTreeMap<KeyId, Option<Hash>>;
/// Chains with what is to be added to them.
type Warm = Vec<(Kept, Vec<Line>)>;

/// Follows one server.
pub(crate) struct Follower {
    remote: Remote,
    store: Arc<dyn Following>,
    memory: Memory,
    behind: Behind,
    /// Whether chains that were behind when the last process ended are among those that are.
    knows_behind: bool,
    log_index: u64,
    /// Since when there is more in the log than was read.
    unread_since: Option<Instant>,
    newest: u64,
    is_reached: bool,
    health: Arc<Health>,
}

/// Why a look at the log ended early.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("it cannot be asked: {0}")]
    Away(#[from] Unread),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Follower {
    /// Follows this server, and keeps chains in about so many bytes of `memory`.
    pub(crate) fn new(remote: Remote, store: Arc<dyn Following>, memory: u64) -> Self {
        Follower {
            remote,
            store,
            memory: Memory::new(memory),
            behind: Behind::default(),
            knows_behind: false,
            log_index: 0,
            unread_since: None,
            newest: 0,
            is_reached: true,
            health: Arc::new(Health::new(Instant::now())),
        }
    }

    /// How it goes.
    pub(crate) fn health(&self) -> Arc<Health> {
        self.health.clone()
    }

    /// Follows until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut looks = tokio::time::interval(EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut fetching: JoinSet<Fetched> = JoinSet::new();
        loop {
            let next = self.behind.next_due().filter(|_| fetching.len() < FETCHES);
            tokio::select! {
                _ = looks.tick() => {
                    if self.look().await {
                        looks.reset_immediately();
                    }
                }
                Some(fetched) = fetching.join_next(), if !fetching.is_empty() => {
                    // It neither panics nor is aborted as long as this runs.
                    if let Ok((chain, outcome)) = fetched {
                        self.fetched(chain, outcome).await;
                    }
                }
                () = async { tokio::time::sleep_until(next.unwrap_or_else(Instant::now)).await }, if next.is_some() => {}
            }
            self.try_again(&mut fetching).await;
            self.report();
        }
    }

    /// Looks at the log; whether there is more.
    async fn look(&mut self) -> bool {
        let looked = self.catch_up().await;
        let was_reached = std::mem::replace(&mut self.is_reached, looked.is_ok());
        match looked {
            Ok(is_more) => {
                self.unread_since = is_more.then(|| self.unread_since.unwrap_or_else(Instant::now));
                is_more
            }
            Err(trouble) => {
                self.unread_since.get_or_insert_with(Instant::now);
                if was_reached {
                    tracing::warn!(url = self.remote.url(), %trouble, "the sigchain server cannot be followed");
                }
                false
            }
        }
    }

    /// Takes in the next page of the log; whether there is more behind it.
    async fn catch_up(&mut self) -> Result<bool, Trouble> {
        if !self.knows_behind {
            let now = Instant::now();
            let chains = self.store.behind(self.remote.url()).await?;
            chains.into_iter().for_each(|chain| self.behind.changed(chain, None, now));
            self.knows_behind = true;
        }
        self.log_index = self.store.followed_to(self.remote.url()).await?;
        // The last entry that is known is asked for again: a log that lost it was set back.
        let page = self.remote.page(self.log_index.saturating_sub(1)).await?;
        let is_full = page.len() >= PAGE;
        let Some(last) = page.iter().map(Read::log_index).max() else {
            if self.log_index > 0 {
                tracing::error!(
                    url = self.remote.url(),
                    "the sigchain server's log is shorter than it was; reading it anew"
                );
                self.store.follow(self.remote.url(), Vec::new(), Vec::new(), Some(0)).await?;
            }
            return Ok(false);
        };
        self.newest = last;
        if last > self.log_index {
            let known = self.log_index;
            let new = page.into_iter().filter(|line| line.log_index() > known).collect();
            let (cold, warm) = self.sort(new).await?;
            self.take_in(cold, warm, last).await?;
            self.log_index = last;
        }
        Ok(is_full)
    }

    /// What the lines say of each chain: of one in memory, or that begins, what to add; of another, that it changed, and
    /// its newest event.
    async fn sort(&mut self, lines: Vec<Read>) -> Result<(Cold, Warm), StoreError> {
        let (mut cold, mut of_chains) = (Cold::new(), BTreeMap::<KeyId, Vec<Line>>::new());
        for line in lines {
            match line {
                Read::Line(line) => of_chains.entry(line.chain).or_default().push(*line),
                Read::Garbled(log_index, chain) => {
                    metrics::counter!("following_failures_total", "what" => "line").increment(1);
                    let named = chain.map(|chain| chain.to_string()).unwrap_or_default();
                    tracing::error!(
                        url = self.remote.url(),
                        log_index,
                        chain = named,
                        "a line of the log cannot be read"
                    );
                    if let Some(chain) = chain {
                        // What is in memory lacks whatever the line said.
                        drop(self.memory.take(&chain));
                        cold.insert(chain, None);
                    }
                }
            }
        }
        let mut warm = Vec::new();
        for (chain, lines) in of_chains {
            let kept = if cold.contains_key(&chain) || self.behind.is_running(&chain) {
                None
            } else {
                match self.memory.take(&chain) {
                    None if lines.first().is_some_and(Line::begins) => {
                        Some(Kept::new(chain, self.store.followed(&chain).await?))
                    }
                    kept => kept,
                }
            };
            match kept {
                Some(kept) => warm.push((kept, lines)),
                None => drop(cold.insert(chain, newest(&lines))),
            }
        }
        Ok((cold, warm))
    }

    /// Adds what can be added, and notes what cannot and how far the log was read, all at once.
    async fn take_in(&mut self, mut cold: Cold, warm: Warm, log_index: u64) -> Result<(), Trouble> {
        // Hundreds of signatures would hold up whoever else runs on this thread.
        let added = tokio::task::spawn_blocking(move || warm.into_iter().map(add).collect::<Vec<_>>()).await;
        let mut grown = Vec::new();
        for added in added.map_err(|error| Unread::Away(error.to_string()))? {
            match added {
                Ok(kept) => grown.push(kept),
                Err((chain, newest, why)) => {
                    tracing::debug!(%chain, %why, "the log does not go on where the chain ended; fetching it whole");
                    cold.insert(chain, newest);
                }
            }
        }
        let (followed, taken): (Vec<Followed>, Vec<Kept>) = {
            let (farther, behind): (Vec<_>, Vec<_>) =
                grown.into_iter().map(|kept| (kept.followed(), kept)).partition(|(followed, _)| followed.is_some());
            behind.into_iter().for_each(|(_, kept)| self.memory.put(kept));
            farther.into_iter().filter_map(|(followed, kept)| Some((followed?, kept))).unzip()
        };
        let noted = cold.keys().copied().collect();
        let answers = self.store.follow(self.remote.url(), followed, noted, Some(log_index)).await;
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => {
                // The lines come again, and what is in memory knows them.
                taken.into_iter().for_each(|kept| self.memory.put(kept));
                return Err(error.into());
            }
        };
        taken.into_iter().zip(answers).for_each(|(kept, answer)| self.settle(kept, answer));
        let now = Instant::now();
        cold.into_iter().for_each(|(chain, newest)| self.behind.changed(chain, newest, now));
        Ok(())
    }

    /// Tries chains whose turn it is: those in memory at the store, others at the server.
    async fn try_again(&mut self, fetching: &mut JoinSet<Fetched>) {
        for chain in self.behind.due(Instant::now(), FETCHES.saturating_sub(fetching.len())) {
            if let Some(kept) = self.memory.take(&chain) {
                self.put_in_store(kept).await;
                continue;
            }
            self.behind.runs(&chain);
            let (remote, store) = (self.remote.clone(), self.store.clone());
            fetching.spawn(async move {
                let known = match store.followed(&chain).await {
                    Ok(known) => known,
                    Err(error) => return (chain, Err(Unread::Away(error.to_string()))),
                };
                let fetched = tokio::task::spawn_blocking(move || remote.chain(chain, known)).await;
                (chain, fetched.unwrap_or_else(|error| Err(Unread::Away(error.to_string()))))
            });
        }
    }

    /// A chain was fetched, or not.
    async fn fetched(&mut self, chain: KeyId, outcome: Result<Kept, Unread>) {
        let newest = self.behind.ran(&chain);
        match outcome {
            // It went on while it was fetched: once more.
            Ok(kept) if newest.is_some_and(|newest| !kept.knows(&newest)) => {
                self.failed(chain, Why::Trouble("its log lacks an event that the log of all chains has".to_owned()));
            }
            Ok(kept) => self.put_in_store(kept).await,
            Err(Unread::Away(why)) => self.failed(chain, Why::Trouble(why)),
            Err(Unread::Refused(why)) => self.failed(chain, Why::Refused(why.to_string())),
        }
    }

    async fn put_in_store(&mut self, kept: Kept) {
        let Some(followed) = kept.followed() else {
            return self.failed(kept.id(), Why::Refused(Refused::Another.to_string()));
        };
        let unanswered = || Taken::Failed("it was not answered for".to_owned());
        let answer = match self.store.follow(self.remote.url(), vec![followed], Vec::new(), None).await {
            Ok(answers) => answers.into_iter().next().unwrap_or_else(unanswered),
            Err(error) => Taken::Failed(error.to_string()),
        };
        self.settle(kept, answer);
    }

    /// What the store made of a chain.
    fn settle(&mut self, mut kept: Kept, answer: Taken) {
        let chain = kept.id();
        if matches!(answer, Taken::Whole | Taken::InPart) {
            kept.was_stored();
        }
        self.memory.put(kept);
        match answer {
            Taken::Whole => {
                if self.behind.is_done(&chain) {
                    tracing::info!(%chain, "a chain is followed again");
                }
            }
            Taken::InPart => {
                let why = "a key of it stands for another identity here, and does not stand for this one";
                self.failed(chain, Why::Refused(why.to_owned()));
            }
            Taken::Refused(reason) => self.failed(chain, Why::Refused(Refused::Registry(reason).to_string())),
            Taken::Failed(why) => self.failed(chain, Why::Trouble(why)),
        }
    }

    fn failed(&mut self, chain: KeyId, why: Why) {
        let (Why::Trouble(text) | Why::Refused(text)) = why.clone();
        let what = if matches!(why, Why::Refused(_)) { "refused" } else { "chain" };
        metrics::counter!("following_failures_total", "what" => what).increment(1);
        let (pause, is_news) = self.behind.failed(chain, why, Instant::now());
        if is_news {
            let (url, seconds) = (self.remote.url(), pause.as_secs());
            tracing::error!(%chain, url, why = text, seconds, "a chain is not followed, and tried again; its handle stays as it was");
        }
    }

    fn report(&self) {
        let (behind, refused) = self.behind.count();
        let since = self.behind.since().into_iter().chain(self.unread_since).min();
        let (is_reached, log_index, newest) = (self.is_reached, self.log_index, self.newest.max(self.log_index));
        self.health.tell(Report { is_reached, log_index, newest, since, behind, refused }, Instant::now());
    }
}

/// The newest event of these lines.
fn newest(lines: &[Line]) -> Option<Hash> {
    let event = lines.last()?.entry.event.clone();
    Unverified::read(event).ok().map(|event| event.id())
}

/// Adds lines to a chain; gives the chain's name and newest event when one does not fit.
fn add((mut kept, lines): (Kept, Vec<Line>)) -> Result<Kept, (KeyId, Option<Hash>, Refused)> {
    let newest = newest(&lines);
    for line in lines {
        kept.add(line.entry).map_err(|why| (kept.id(), newest, why))?;
    }
    Ok(kept)
}
