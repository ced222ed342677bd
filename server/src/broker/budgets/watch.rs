//! Looking at what is stored, and deciding.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kez_core::KeyId;
use tokio::time::Instant;

use super::congestion;
use super::enforce::{Enforcer, Why};
use super::rights::Reason;
use super::stream::{self, State, Stored};
use super::tally::Tally;
use crate::broker::Broker;
use crate::broker::ending::is_kept;
use crate::broker::jetstream::Trouble;
use crate::broker::kind::Kind;
use crate::clock::Clock;
use crate::registry::Registry;

/// How often the stream is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How long one look goes on, although there is more to see.
const LONGEST: Duration = Duration::from_secs(2);
/// Messages that are thrown away in one look.
const MOST_DOOMED: usize = 2_000;
/// Senders whose messages are counted in one look.
const MOST_COUNTED: usize = 16;
/// Recipients that are known to exist, for how long that is believed, at 100 bytes each.
const RECIPIENTS: u64 = 50_000;
const BELIEVED: Duration = Duration::from_secs(60);

/// Looks, for as long as the server runs.
pub(in crate::broker) async fn watch(broker: Arc<Broker>, registry: Arc<Registry>, clock: Arc<dyn Clock>, kind: Kind) {
    let mut view = View {
        kind,
        enforcer: Enforcer::new(broker.clone(), kind),
        existing: moka::sync::Cache::builder().max_capacity(RECIPIENTS).time_to_live(BELIEVED).build(),
        tally: Tally::default(),
        reached: 0,
        is_begun: false,
        doomed: VecDeque::new(),
        unwanted: VecDeque::new(),
        counted: 0,
        broker,
        registry,
        clock,
    };
    let mut seen = 0;
    loop {
        let started = Instant::now();
        if view.broker.store.number() != Some(seen) {
            view.broker.store.came_up(&mut seen).await;
            // Nobody knows what came and went meanwhile.
            view.is_begun = false;
            view.enforcer.ask_others().await;
        }
        congestion::look(&view.broker, kind, &view.enforcer).await;
        if let Err(trouble) = view.look(started + LONGEST).await {
            tracing::debug!(%trouble, "the stream cannot be looked at");
        }
        tokio::time::sleep_until(started + EVERY).await;
    }
}

struct View {
    kind: Kind,
    broker: Arc<Broker>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    enforcer: Enforcer,
    existing: moka::sync::Cache<KeyId, ()>,
    tally: Tally,
    /// The number of the last message that was looked at.
    reached: u64,
    /// Whether what waited at first has been counted.
    is_begun: bool,
    /// Numbers of messages that nobody will fetch, or could read.
    doomed: VecDeque<u64>,
    /// Recipients that do not exist, for whom something waited when the look began.
    unwanted: VecDeque<String>,
    /// Where counting those who may have too much goes on.
    counted: usize,
}

impl View {
    async fn look(&mut self, until: Instant) -> Result<(), Trouble> {
        let broker = self.broker.clone();
        let (store, boxes, kind) = (&broker.store.client, broker.boxes(self.kind), self.kind);
        let (state, unrouted) = stream::state(store, kind).await?;
        if !self.is_begun || state.last_seq < self.reached {
            self.begin(&state).await?;
        }
        if !unrouted.is_empty() {
            if let Err(error) = boxes.empty_unrouted().await {
                tracing::warn!(error, "what is in nobody's box cannot be thrown away yet");
            }
            for (by, count) in unrouted {
                self.wrote_to_nobody(by, count).await;
            }
        }
        while self.reached < state.last_seq && Instant::now() < until {
            let (found, reached) = stream::after(store, kind, self.reached, state.last_seq).await?;
            for message in &found {
                self.judge(message).await;
            }
            self.reached = reached;
        }
        while Instant::now() < until
            && let Some(nobody) = self.unwanted.pop_front()
        {
            if let Err(error) = boxes.empty(&nobody).await {
                self.unwanted.push_back(nobody);
                return Err(Trouble::Silent(error));
            }
        }
        let doomed: Vec<u64> = self.doomed.drain(..self.doomed.len().min(MOST_DOOMED)).collect();
        metrics::counter!("messages_thrown_away_total").increment(doomed.len() as u64);
        self.doomed.extend(stream::delete(store, kind, doomed).await);
        self.count(&state).await?;
        self.relieve(&state).await?;
        self.enforcer.expire();
        Ok(())
    }

    /// Counts what waits already. When the names of all of it would be too much to ask for, it is looked at message by
    /// message, from the first.
    async fn begin(&mut self, state: &State) -> Result<(), Trouble> {
        self.tally.forget_waiting();
        self.doomed.clear();
        self.unwanted.clear();
        let listed = stream::list(&self.broker.store.client, self.kind, state).await?;
        // A name that is no text comes changed, and could not be thrown away by it.
        let listed = listed.filter(|names| names.iter().all(|(subject, _)| !subject.contains('\u{fffd}')));
        self.reached = if listed.is_some() { state.last_seq } else { state.first_seq.saturating_sub(1) };
        let mut recipients: HashMap<String, Vec<(KeyId, u64)>> = HashMap::new();
        let route = self.kind.route();
        for (subject, count) in listed.into_iter().flatten() {
            if let (Some(to), Some(from)) = (route.recipient(&subject), route.sender(&subject)) {
                recipients.entry(to.to_owned()).or_default().push((from, count));
            }
        }
        for (to, senders) in recipients {
            let is_nobody = match KeyId::from_parts("ed25519", &to) {
                Ok(key) => !self.exists(key).await,
                Err(_) => true,
            };
            if is_nobody {
                self.unwanted.push_back(to);
            }
            for (from, count) in senders {
                if is_nobody {
                    self.wrote_to_nobody(from, count).await;
                } else {
                    self.tally.sent(from, count);
                }
            }
        }
        self.is_begun = true;
        Ok(())
    }

    async fn judge(&mut self, message: &Stored) {
        let is_for_somebody = match message.to {
            Some(to) => self.exists(to).await,
            None => false,
        };
        if !is_for_somebody || !message.is_readable {
            self.doomed.push_back(message.seq);
            if let Some(from) = message.from {
                self.wrote_to_nobody(from, 1).await;
            }
        } else if let Some(from) = message.from {
            self.tally.sent(from, 1);
        }
    }

    /// Whether a box is somebody's, or of a device that was until lately. When that cannot be told, it is.
    async fn exists(&self, key: KeyId) -> bool {
        if self.existing.contains_key(&key) {
            return true;
        }
        match self.kind.is_in_use(&self.registry, &key).await {
            Ok(true) => {
                self.existing.insert(key, ());
                true
            }
            Ok(false) => self.kind == Kind::Mail && is_kept(&self.broker, self.clock.now(), &key).await,
            Err(_) => true,
        }
    }

    async fn wrote_to_nobody(&mut self, by: KeyId, messages: u64) {
        if self.kind == Kind::Mail {
            // A conversation may go on for a while with a device that was revoked long ago. It waits like any other, until
            // it is thrown away.
            self.tally.sent(by, messages);
            return;
        }
        let limits = &self.broker.limits;
        let (most, time) = (limits.wrote_to_nobody, limits.to_nobody_for);
        if self.tally.sent_to_nobody(by, messages, Instant::now(), time) > most {
            self.enforcer.keep_out(by, time, Why::Nobody).await;
        }
    }

    /// Counts exactly what those have waiting who may have too much, and those who had. A few in each look: each question
    /// makes the broker go through the names of all inboxes.
    async fn count(&mut self, state: &State) -> Result<(), Trouble> {
        let most = self.most();
        let mut asked = self.tally.over(most);
        asked.extend(self.broker.rights.by(self.kind, Reason::Waiting));
        asked.sort_unstable_by_key(|chain| *chain.as_bytes());
        asked.dedup();
        // What was sent to nobody, and is still there, may have names of any length: nothing is asked for until it is gone.
        let is_clean = self.is_clean(state);
        let count = asked.len();
        for chain in asked.into_iter().cycle().skip(self.counted % count.max(1)).take(count.min(MOST_COUNTED)) {
            if is_clean {
                let waiting = self.waiting(chain).await?;
                self.enforcer.set(chain, Reason::Waiting, waiting > most);
            } else if self.tally.is_over(&chain, most) {
                self.enforcer.set(chain, Reason::Waiting, true);
            }
        }
        self.counted = self.counted.wrapping_add(MOST_COUNTED);
        Ok(())
    }

    /// Messages that an identity may have waiting.
    fn most(&self) -> u64 {
        let (limits, boxes) = (&self.broker.limits, self.broker.boxes(self.kind));
        match self.kind {
            Kind::Inbox => limits.messages(boxes.bytes(), boxes.largest()),
            Kind::Mail => limits.mail_waiting,
        }
    }

    /// Whether all names in the stream are known to be keys.
    fn is_clean(&self, state: &State) -> bool {
        self.reached == state.last_seq && self.doomed.is_empty() && self.unwanted.is_empty()
    }

    /// How many messages of an identity wait now.
    async fn waiting(&mut self, chain: KeyId) -> Result<u64, Trouble> {
        let waiting = stream::waiting(&self.broker.store.client, self.kind, &chain).await?;
        self.tally.set(chain, waiting);
        Ok(waiting)
    }

    /// Above three quarters of the stream, those who filled it the most lose the right to send, as many as it takes to
    /// get below that; they have it again once the stream is a little below.
    async fn relieve(&mut self, state: &State) -> Result<(), Trouble> {
        let whole = self.broker.boxes(self.kind).bytes();
        let excess = state.bytes.saturating_sub(whole / 4 * 3);
        if excess > 0 {
            let each = (state.bytes / state.messages.max(1)).max(1);
            for chain in self.blamed(excess.div_ceil(each), state).await? {
                self.enforcer.set(chain, Reason::Full, true);
            }
        } else if state.bytes < whole / 64 * 47 {
            for chain in self.broker.rights.by(self.kind, Reason::Full) {
                self.enforcer.set(chain, Reason::Full, false);
            }
        }
        Ok(())
    }

    /// Those who have the most waiting, until they have `messages` together. Whoever sent much that was fetched since is not
    /// one of them: those who may be are counted, a few in each look.
    async fn blamed(&mut self, messages: u64, state: &State) -> Result<Vec<KeyId>, Trouble> {
        if !self.is_clean(state) {
            return Ok(self.tally.largest(messages));
        }
        let mut counted: HashSet<KeyId> = self.broker.rights.by(self.kind, Reason::Full).into_iter().collect();
        for _ in 0..MOST_COUNTED {
            let Some(next) = self.tally.largest(messages).into_iter().find(|chain| !counted.contains(chain)) else {
                break;
            };
            self.waiting(next).await?;
            counted.insert(next);
        }
        Ok(self.tally.largest(messages).into_iter().filter(|chain| counted.contains(chain)).collect())
    }
}
