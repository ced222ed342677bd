//! What keeps stream and consumers right, whoever changes them: the broker tells of most changes at once, and everything
//! that somebody relies on is looked at again and again.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use futures_util::stream::{self, Stream, StreamExt as _};
use kez_core::KeyId;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::config::Difference;
use super::repairs::Repairs;
use super::{Boxes, STREAM_NOT_FOUND};
use crate::broker::ending::let_go;
use crate::broker::jetstream::Trouble;
use crate::broker::kind::Kind;
use crate::broker::{Broker, Unproven};
use crate::clock::Clock;
use crate::refused::Refused;
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
pub(in crate::broker) async fn keep(broker: Arc<Broker>, registry: Arc<Registry>, clock: Arc<dyn Clock>, kind: Kind) {
    let mut news = match hear(&broker, kind).await {
        Ok(news) => news,
        Err(error) => return tracing::error!(%error, "what happens to the {} cannot be heard", kind.plural()),
    };
    let mut keeper = Keeper {
        kind,
        broker: broker.clone(),
        registry,
        clock,
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
        broker.boxes(kind).doubt();
        broker.health.set_boxes(kind, Some(format!("the {} are not looked through yet", kind.plural())));
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
async fn hear(
    broker: &Broker,
    kind: Kind,
) -> Result<impl Stream<Item = Message> + Unpin + use<>, async_nats::SubscribeError> {
    let (client, name) = (&broker.store.client, kind.stream());
    let of_stream = client.subscribe(format!("$JS.EVENT.ADVISORY.STREAM.*.{name}")).await?;
    let deleted = client.subscribe(format!("$JS.EVENT.ADVISORY.CONSUMER.DELETED.{name}.*")).await?;
    let paused = client.subscribe(format!("$JS.EVENT.ADVISORY.CONSUMER.PAUSE.{name}.*")).await?;
    Ok(stream::select_all([of_stream, deleted, paused]))
}

struct Keeper {
    kind: Kind,
    broker: Arc<Broker>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    /// Whether the broker that is there now was shown to be fit.
    is_proven: bool,
    /// Looks in a row that JetStream did not answer.
    silent: u32,
    /// Since when the stream refuses everything.
    closed_since: Option<Instant>,
    /// Keys of boxes whose consumer is gone, or wrong, and could not be made anew yet.
    broken: HashSet<KeyId>,
    /// The last key whose consumer was looked at.
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
            tracing::warn!(%error, "the {} are not in order", self.kind.plural());
            self.tell(Some(error));
            // What happens meanwhile is a reason to try again.
            let _ = timeout(RETRY, news.next()).await;
            return;
        }
        self.tell(None);
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
        // It is one broker: the inboxes' keeper shows it for both, and nobody is let in without an inbox.
        if self.kind == Kind::Inbox && !self.is_proven {
            match self.broker.prove().await {
                Ok(()) => self.is_proven = true,
                Err(Unproven::Unknown(why)) => return Err(why),
                Err(Unproven::Unfit(unfit)) => {
                    self.boxes().refuse();
                    return Err(format!("{unfit}; nobody is let in"));
                }
            }
        }
        Ok(())
    }

    async fn look_through(&self) -> Result<(), String> {
        let boxes = self.boxes();
        let found = boxes.reconcile().await?;
        for key in &found.all {
            // When the registry cannot tell, it stays until the next look.
            if matches!(self.is_in_use(key).await, Ok(false))
                && !let_go(&self.broker, &self.registry, self.clock.now(), self.kind, key).await
            {
                return Err("a box that should go is still there".to_owned());
            }
        }
        // Whoever is connected reads at once; everybody else's is made sure of when they log in.
        let reading = self.reading().into_iter().filter(|key| !boxes.is_ready(key));
        let needed: HashSet<KeyId> = found.wrong.into_iter().chain(reading).collect();
        let made = stream::iter(needed).map(|key| async move {
            match self.is_in_use(&key).await {
                Ok(true) => boxes.ensure(&key).await,
                _ => Ok(()),
            }
        });
        let made: Vec<Result<(), String>> = made.buffer_unordered(CONSUMERS).collect().await;
        made.into_iter().collect()
    }

    fn boxes(&self) -> &Boxes {
        self.broker.boxes(self.kind)
    }

    /// Whether the box with this key is somebody's who may log in.
    async fn is_in_use(&self, key: &KeyId) -> Result<bool, Refused> {
        self.kind.is_in_use(&self.registry, key).await
    }

    /// The boxes of those who are connected.
    fn reading(&self) -> Vec<KeyId> {
        match self.kind {
            Kind::Inbox => self.broker.sessions.chains(),
            Kind::Mail => self.broker.sessions.keys(),
        }
    }

    fn tell(&self, trouble: Option<String>) {
        self.broker.health.set_boxes(self.kind, trouble);
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
        let name = self.kind.stream();
        let found = self.boxes().difference().await;
        if !matches!(found, Ok(Difference::Closed)) {
            self.closed_since = None;
        }
        if let Err(Trouble::Silent(why)) = &found {
            self.silent += 1;
            if self.silent >= SILENT_LOOKS {
                tracing::warn!(why, "JetStream does not answer");
                self.tell(Some("JetStream does not answer".to_owned()));
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
                tracing::warn!("somebody changed the limits of the stream {name}; they are set as they were");
                return ControlFlow::Break(());
            }
            Ok(Difference::Essence) => "was changed",
            Err(Trouble::Refused(refused)) if refused.err_code == STREAM_NOT_FOUND => "was deleted",
            Err(trouble) => {
                tracing::warn!(%trouble, "the stream cannot be looked at");
                self.tell(Some(format!("the stream {name} cannot be looked at")));
                return ControlFlow::Continue(());
            }
        };
        self.boxes().doubt();
        self.is_wrong = true;
        self.tell(Some(format!("the stream {name} {why}, and is made right again")));
        if !self.repairs.is_due() {
            return ControlFlow::Continue(());
        }
        tracing::warn!("the stream {name} {why}, and is made right again");
        metrics::counter!("broker_repairs_total", "of" => "stream").increment(1);
        ControlFlow::Break(())
    }

    /// Whether those who are connected have their consumers: some of them, the others in the next looks.
    async fn look_at_consumers(&mut self) -> ControlFlow<()> {
        let mut reading = self.reading();
        reading.sort_unstable_by_key(|key| *key.as_bytes());
        let after =
            self.reached.map_or(0, |reached| reading.partition_point(|key| key.as_bytes() <= reached.as_bytes()));
        let after = if after == reading.len() { 0 } else { after };
        let due: Vec<KeyId> =
            reading.into_iter().skip(after).take(CONSUMERS).chain(self.broken.iter().copied()).collect();
        for key in due {
            match self.boxes().has_right_consumer(&key).await {
                Ok(true) => drop(self.broken.remove(&key)),
                Ok(false) => self.mend(key).await?,
                // The stream is looked at before, and will be again.
                Err(_) => break,
            }
            self.reached = Some(key);
        }
        self.tell_of_broken();
        ControlFlow::Continue(())
    }

    /// Makes a consumer anew that is gone, or not as it has to be. Whose key is not in use needs none, or the one that keeps
    /// what waits for a time.
    async fn mend(&mut self, key: KeyId) -> ControlFlow<()> {
        self.boxes().doubt_consumer(&key);
        match self.is_in_use(&key).await {
            Ok(true) => {}
            Ok(false) => {
                self.broken.remove(&key);
                // A mailbox whose time is over was removed here, and no more is known of it.
                if self.boxes().is_retired(&key)
                    && !let_go(&self.broker, &self.registry, self.clock.now(), self.kind, &key).await
                {
                    self.broken.insert(key);
                }
                return ControlFlow::Continue(());
            }
            Err(_) => return ControlFlow::Continue(()),
        }
        self.broken.insert(key);
        self.tell_of_broken();
        match self.boxes().ensure(&key).await {
            Ok(()) => {
                tracing::warn!(%key, "the consumer of one of the {} was deleted or changed, and is made anew", self.kind.plural());
                metrics::counter!("broker_repairs_total", "of" => "consumer").increment(1);
                self.broken.remove(&key);
                self.tell_of_broken();
                ControlFlow::Continue(())
            }
            Err(error) => {
                tracing::warn!(%key, error, "the consumer of one of the {} is gone, and cannot be made anew yet", self.kind.plural());
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
            1 => Some(format!("one of the {} cannot be read", self.kind.plural())),
            count => Some(format!("{count} {} cannot be read", self.kind.plural())),
        };
        self.tell(trouble);
    }
}
