//! What keeps stream and consumers right, whoever changes them: the broker tells of most changes at once, and everything
//! that somebody relies on is looked at again and again.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use futures_util::stream::{self, Stream, StreamExt as _};
use kez_core::KeyId;
use kez_core::subject::STREAM;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::repairs::Repairs;
use super::{Difference, STREAM_NOT_FOUND};
use crate::broker::ending::remove_inbox;
use crate::broker::jetstream::Trouble;
use crate::broker::{Broker, Unproven};
use crate::registry::Registry;

/// How often everything is looked through although nothing happened.
const EVERY: Duration = Duration::from_secs(600);
/// How often the stream is looked at, and some of the consumers that somebody reads with.
const LOOK: Duration = Duration::from_secs(1);
/// Consumers in one look: so a thousand sessions' are looked at in a minute.
const CONSUMERS: usize = 16;
/// Looks in a row without an answer, after which the inboxes count as out of order.
const SILENT_LOOKS: u32 = 2;
/// How long the stream may refuse everything: no server takes longer to empty a queue.
const CLOSED: Duration = Duration::from_secs(15);
/// The pause after something failed.
const RETRY: Duration = Duration::from_secs(2);

/// Makes the stream and looks through the consumers, whenever the broker came up, something happened to them, and every
/// now and then.
pub(in crate::broker) async fn keep(broker: Arc<Broker>, registry: Arc<Registry>) {
    let mut news = match hear(&broker).await {
        Ok(news) => news,
        Err(error) => return tracing::error!(%error, "what happens to the inboxes cannot be heard"),
    };
    let mut keeper = Keeper {
        broker: broker.clone(),
        registry,
        is_proven: false,
        silent: 0,
        closed_since: None,
        broken: HashSet::new(),
        reached: None,
        is_wrong: false,
        repairs: Repairs::default(),
        limits: Repairs::default(),
    };
    let mut seen = 0;
    loop {
        broker.store.came_up(&mut seen).await;
        broker.inboxes.doubt();
        broker.health.set_inboxes(Some("the inboxes are not looked through yet".to_owned()));
        keeper.is_proven = false;
        loop {
            let came_up_again = async {
                let mut again = seen;
                broker.store.came_up(&mut again).await;
            };
            tokio::select! {
                () = keeper.keep(&mut news) => {}
                () = came_up_again => break,
            }
        }
    }
}

/// What JetStream tells of the stream and its consumers. Nobody says that a consumer was edited.
async fn hear(broker: &Broker) -> Result<impl Stream<Item = Message> + Unpin + use<>, async_nats::SubscribeError> {
    let client = &broker.store.client;
    let of_stream = client.subscribe(format!("$JS.EVENT.ADVISORY.STREAM.*.{STREAM}")).await?;
    let deleted = client.subscribe(format!("$JS.EVENT.ADVISORY.CONSUMER.DELETED.{STREAM}.*")).await?;
    let paused = client.subscribe(format!("$JS.EVENT.ADVISORY.CONSUMER.PAUSE.{STREAM}.*")).await?;
    Ok(stream::select_all([of_stream, deleted, paused]))
}

struct Keeper {
    broker: Arc<Broker>,
    registry: Arc<Registry>,
    /// Whether the broker that is there now was shown to be fit.
    is_proven: bool,
    /// Looks in a row that JetStream did not answer.
    silent: u32,
    /// Since when the stream refuses everything.
    closed_since: Option<Instant>,
    /// Identities whose consumer is gone, or wrong, and could not be made anew yet.
    broken: HashSet<KeyId>,
    /// The last identity whose consumer was looked at.
    reached: Option<KeyId>,
    /// Whether the stream was found to be gone, or another than it should be.
    is_wrong: bool,
    repairs: Repairs,
    /// Of what operators choose.
    limits: Repairs,
}

impl Keeper {
    /// Puts everything right, and then looks and hears until something is not.
    async fn keep(&mut self, news: &mut (impl Stream<Item = Message> + Unpin)) {
        let put_right = match self.prove().await {
            Ok(()) => self.look_through().await,
            Err(why) => Err(why),
        };
        if let Err(error) = put_right {
            tracing::warn!(%error, "the inboxes are not in order");
            self.broker.health.set_inboxes(Some(error));
            // What happens meanwhile is a reason to try again.
            let _ = timeout(RETRY, news.next()).await;
            return;
        }
        self.broker.health.set_inboxes(None);
        (self.silent, self.closed_since, self.is_wrong) = (0, None, false);
        self.broken.clear();
        let until = Instant::now() + EVERY;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < until {
            let step = tokio::select! {
                message = news.next() => match message {
                    Some(message) => self.heard(&message).await,
                    // The client is gone, and so is the server.
                    None => return std::future::pending().await,
                },
                _ = looks.tick() => match self.look().await {
                    // Without the stream there are none.
                    ControlFlow::Continue(()) if !self.is_wrong => self.look_at_consumers().await,
                    step => step,
                },
            };
            if step.is_break() {
                return;
            }
        }
    }

    /// Once for each time that the broker came up: it may be another one than before.
    async fn prove(&mut self) -> Result<(), String> {
        if !self.is_proven {
            match self.broker.prove().await {
                Ok(()) => self.is_proven = true,
                Err(Unproven::Unknown(why)) => return Err(why),
                Err(Unproven::Unfit(unfit)) => {
                    self.broker.inboxes.refuse();
                    return Err(format!("{unfit}; nobody is let in"));
                }
            }
        }
        Ok(())
    }

    async fn look_through(&self) -> Result<(), String> {
        let inboxes = &self.broker.inboxes;
        let found = inboxes.reconcile().await?;
        for chain in &found.all {
            // When the registry cannot tell, it stays until the next look.
            if matches!(self.registry.has_handle(chain).await, Ok(false)) {
                tracing::info!(%chain, "removing the inbox of a handle that was released");
                if !remove_inbox(&self.broker, &self.registry, chain).await {
                    return Err("an inbox that should go is still there".to_owned());
                }
            }
        }
        // Whoever is connected reads at once; everybody else's is made sure of when they log in.
        let reading = self.broker.sessions.chains().into_iter().filter(|chain| !inboxes.is_ready(chain));
        let needed: HashSet<KeyId> = found.wrong.into_iter().chain(reading).collect();
        let made = stream::iter(needed).map(|chain| async move {
            match self.registry.has_handle(&chain).await {
                Ok(true) => inboxes.ensure(&chain).await,
                _ => Ok(()),
            }
        });
        let made: Vec<Result<(), String>> = made.buffer_unordered(CONSUMERS).collect().await;
        made.into_iter().collect()
    }

    /// Something happened to the stream, or to a consumer.
    async fn heard(&mut self, message: &Message) -> ControlFlow<()> {
        let mut words = message.subject.split('.').skip(3);
        match (words.next(), words.nth(2)) {
            (Some("CONSUMER"), Some(name)) => match KeyId::from_parts("ed25519", name) {
                Ok(chain) => self.mend(chain).await,
                Err(_) => ControlFlow::Continue(()),
            },
            _ => self.look().await,
        }
    }

    /// Whether the stream is there and as it was made.
    async fn look(&mut self) -> ControlFlow<()> {
        let (inboxes, health) = (&self.broker.inboxes, &self.broker.health);
        let found = inboxes.difference().await;
        if !matches!(found, Ok(Difference::Closed)) {
            self.closed_since = None;
        }
        if let Err(Trouble::Silent(why)) = &found {
            self.silent += 1;
            if self.silent >= SILENT_LOOKS {
                tracing::warn!(why, "JetStream does not answer");
                health.set_inboxes(Some("JetStream does not answer".to_owned()));
            }
            return ControlFlow::Continue(());
        }
        if std::mem::take(&mut self.silent) >= SILENT_LOOKS {
            self.tell_of_broken();
        }
        let why = match found {
            // Put right by somebody else: who is let in still has to be told.
            Ok(Difference::None) if self.is_wrong => return ControlFlow::Break(()),
            Ok(Difference::None) => return ControlFlow::Continue(()),
            Ok(Difference::Closed) => {
                let since = *self.closed_since.get_or_insert_with(Instant::now);
                if since.elapsed() < CLOSED {
                    return ControlFlow::Continue(());
                }
                "takes no messages"
            }
            Ok(Difference::Limits) => {
                if !self.limits.is_due() {
                    return ControlFlow::Continue(());
                }
                tracing::warn!("somebody changed the limits of the stream {STREAM}; they are set as they were");
                return ControlFlow::Break(());
            }
            Ok(Difference::Essence) => "was changed",
            Err(Trouble::Refused(refused)) if refused.err_code == STREAM_NOT_FOUND => "was deleted",
            Err(trouble) => {
                tracing::warn!(%trouble, "the stream cannot be looked at");
                health.set_inboxes(Some(format!("the stream {STREAM} cannot be looked at")));
                return ControlFlow::Continue(());
            }
        };
        inboxes.doubt();
        self.is_wrong = true;
        health.set_inboxes(Some(format!("the stream {STREAM} {why}, and is made right again")));
        if !self.repairs.is_due() {
            return ControlFlow::Continue(());
        }
        tracing::warn!("the stream {STREAM} {why}, and is made right again");
        metrics::counter!("broker_repairs_total", "of" => "stream").increment(1);
        ControlFlow::Break(())
    }

    /// Whether those who are connected have their consumers: some of them, the others in the next looks.
    async fn look_at_consumers(&mut self) -> ControlFlow<()> {
        let mut reading = self.broker.sessions.chains();
        reading.sort_unstable_by_key(|chain| *chain.as_bytes());
        let after =
            self.reached.map_or(0, |reached| reading.partition_point(|chain| chain.as_bytes() <= reached.as_bytes()));
        let after = if after == reading.len() { 0 } else { after };
        let due: Vec<KeyId> =
            reading.into_iter().skip(after).take(CONSUMERS).chain(self.broken.iter().copied()).collect();
        for chain in due {
            match self.broker.inboxes.has_right_consumer(&chain).await {
                Ok(true) => drop(self.broken.remove(&chain)),
                Ok(false) => self.mend(chain).await?,
                // The stream is looked at before, and will be again.
                Err(_) => break,
            }
            self.reached = Some(chain);
        }
        self.tell_of_broken();
        ControlFlow::Continue(())
    }

    /// Makes a consumer anew that is gone, or not as it has to be. Whose handle was released needs none.
    async fn mend(&mut self, chain: KeyId) -> ControlFlow<()> {
        let inboxes = &self.broker.inboxes;
        inboxes.doubt_consumer(&chain);
        if !matches!(self.registry.has_handle(&chain).await, Ok(true)) {
            self.broken.remove(&chain);
            return ControlFlow::Continue(());
        }
        self.broken.insert(chain);
        self.tell_of_broken();
        match inboxes.ensure(&chain).await {
            Ok(()) => {
                tracing::warn!(%chain, "an inbox's consumer was deleted or changed, and is made anew");
                metrics::counter!("broker_repairs_total", "of" => "consumer").increment(1);
                self.broken.remove(&chain);
                self.tell_of_broken();
                ControlFlow::Continue(())
            }
            Err(error) => {
                tracing::warn!(%chain, error, "an inbox's consumer is gone, and cannot be made anew yet");
                // Something else is in its way, perhaps.
                if self.repairs.is_due() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
        }
    }

    fn tell_of_broken(&self) {
        if self.is_wrong {
            return;
        }
        let trouble = match self.broken.len() {
            0 => None,
            1 => Some("an inbox cannot be read".to_owned()),
            count => Some(format!("{count} inboxes cannot be read")),
        };
        self.broker.health.set_inboxes(trouble);
    }
}
