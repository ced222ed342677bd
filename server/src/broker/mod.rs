//! The message broker: three connections to it, one for each account that the server has a user in, and what they keep
//! going. `auth` answers logins, `store` keeps the inboxes, `sys` ends sessions.

mod boxes;
mod budgets;
mod ending;
mod health;
mod jetstream;
mod kind;
mod link;
mod probe;
mod receipts;
mod sessions;
mod skew;
mod thread;
mod upkeep;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kez_core::{Handle, KeyId};
use kez_store::changes::Change;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::callout::{Admission, Connection, Granted, LoginRefusal, Member, QUEUE, Rights, SUBJECT, Service};
use crate::clock::Clock;
use crate::config::nats::{BrokerSettings, Seed};
use crate::registry::Registry;

use boxes::Boxes;
pub(crate) use boxes::Limits;
pub use budgets::BrokerLimits;
use health::Health;
pub(crate) use kind::Kind;
use link::Link;
pub(crate) use probe::{Unfit, probe};
pub(crate) use receipts::are_kept_apart;
use sessions::{Full, Held, Sessions, Shared};
pub(crate) use skew::measure;
use thread::Thread;

/// Most sessions whose keys are remembered; an entry is about 200 bytes.
const SESSIONS: u64 = 200_000;
/// How long the start waits for a broker that is there to let the server in.
const START: Duration = Duration::from_secs(5);
/// Handles that wait to be looked at because somebody was not let in.
const DOUBTS: usize = 16;
/// No session is longer.
const LONGEST_SESSION: Duration = Duration::from_secs(3600);

/// The broker, as the rest of the server sees it.
pub(crate) struct Broker {
    auth: Link,
    /// Where `auth` and what answers on it run: one thread answers some 5,000 logins a second, and servers of one queue
    /// group share them.
    logins: Thread,
    store: Link,
    sys: Link,
    inboxes: Boxes,
    mail: Boxes,
    /// Who was let in where, by this server.
    granted: Arc<Granted>,
    /// Who is in, whichever server let them.
    sessions: Sessions,
    /// Whom this server let in, for the others to hear.
    shared: Shared,
    /// Handles of which somebody was not let in because of too many sessions.
    doubted: mpsc::Sender<Handle>,
    /// Who may not send to which boxes.
    rights: budgets::Rights,
    limits: BrokerLimits,
    /// Tells this server from the others that use the broker.
    name: String,
    is_answering: AtomicBool,
    /// Whether the sessions that were there before this server are known, and count.
    knows_sessions: AtomicBool,
    health: Health,
}

/// Why a broker was not shown to be fit.
enum Unproven {
    /// It is not.
    Unfit(Unfit),
    /// It cannot be told at the moment.
    Unknown(String),
}

/// What keeps the broker's side right.
pub(crate) struct Upkeep {
    pub(crate) registry: Arc<Registry>,
    /// Changes that end what a key may do.
    pub(crate) ended: mpsc::UnboundedReceiver<Change>,
    /// What came with the broker.
    pub(crate) doubted: mpsc::Receiver<Handle>,
    /// What the broker's clock is compared with.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Broker {
    /// Looks at the broker and begins to connect. One that does not answer yet is waited for.
    ///
    /// # Errors
    /// One line, when the broker can never do: it is too old, gives clients no nonce, or lets users acknowledge what waits
    /// for others.
    pub(crate) async fn connect(
        settings: &BrokerSettings,
        of_inboxes: Limits,
        of_mail: Limits,
        limits: BrokerLimits,
    ) -> Result<(Arc<Broker>, mpsc::Receiver<Handle>), String> {
        let mut is_away = false;
        for url in &settings.urls {
            match probe(url).await {
                Ok(info) => tracing::info!(url, version = info.version, "found a broker"),
                Err(away @ Unfit::Away(_)) => {
                    tracing::warn!("{away}; waiting for it");
                    is_away = true;
                }
                Err(unfit) => return Err(unfit.to_string()),
            }
        }
        let open = |seed: &Seed, account| {
            let (urls, seed) = (settings.urls.clone(), seed.clone());
            async move { Link::open(&urls, &seed, account).await }
        };
        let logins = Thread::start("kez-logins").map_err(|error| format!("a thread for logins: {error}"))?;
        let auth = logins.run(open(&settings.auth, "AUTH"));
        let (auth, store, sys) = tokio::try_join!(auth, open(&settings.store, "STORE"), open(&settings.sys, "SYS"))?;
        let inboxes = Boxes::new(Kind::Inbox, store.client.clone(), of_inboxes);
        let mail = Boxes::new(Kind::Mail, store.client.clone(), of_mail);
        let (is_answering, knows_sessions) = Default::default();
        let granted = moka::sync::Cache::builder().max_capacity(SESSIONS).time_to_live(LONGEST_SESSION).build();
        let granted = Arc::new(granted);
        let (doubted, doubts) = mpsc::channel(DOUBTS);
        let broker = Broker {
            name: store.client.new_inbox(),
            sessions: Sessions::new(limits.sessions_per_key, limits.sessions_per_identity),
            shared: Shared::default(),
            rights: budgets::Rights::default(),
            auth,
            logins,
            store,
            sys,
            inboxes,
            mail,
            granted,
            doubted,
            limits,
            is_answering,
            knows_sessions,
            health: Health::default(),
        };
        // What cannot be shown now is shown before anybody is let in.
        if !is_away && tokio::time::timeout(START, broker.store.came_up(&mut 0)).await.is_ok() {
            match broker.prove().await {
                Ok(()) | Err(Unproven::Unknown(_)) => {}
                Err(Unproven::Unfit(unfit)) => return Err(unfit.to_string()),
            }
        }
        Ok((Arc::new(broker), doubts))
    }

    /// Whether the broker that is there now keeps acknowledgements apart.
    async fn prove(&self) -> Result<(), Unproven> {
        let client = &self.store.client;
        match receipts::are_kept_apart(client, self.inboxes.copies().await).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unproven::Unfit(Unfit::SharedReceipts(client.server_info().version))),
            Err(why) => Err(Unproven::Unknown(why)),
        }
    }

    fn boxes(&self, kind: Kind) -> &Boxes {
        match kind {
            Kind::Inbox => &self.inboxes,
            Kind::Mail => &self.mail,
        }
    }

    /// Whether somebody's inbox and mailbox were there when somebody looked last, and nothing was heard of them since.
    pub(crate) fn are_boxes_ready(&self, chain: &KeyId, device: &KeyId) -> bool {
        self.inboxes.is_ready(chain) && self.mail.is_ready(device)
    }

    /// Sees to it that somebody who logs in can read both.
    ///
    /// # Errors
    /// One line, when that cannot be.
    pub(crate) async fn ensure_boxes(&self, chain: &KeyId, device: &KeyId) -> Result<(), String> {
        tokio::try_join!(self.inboxes.ensure_soon(chain), self.mail.ensure_soon(device)).map(drop)
    }

    /// Where the callout notes whom it lets in.
    pub(crate) fn granted(&self) -> Arc<Granted> {
        self.granted.clone()
    }

    /// Why the broker does not do its work at the moment, if it does not: then logins are not answered, inboxes are not
    /// there, sessions cannot be ended, or its clock is another.
    pub(crate) fn trouble(&self) -> Option<String> {
        if ![&self.auth, &self.store, &self.sys].into_iter().all(Link::is_up) {
            return Some("the broker is away".to_owned());
        }
        if !self.is_answering.load(Ordering::Acquire) {
            return Some("logins are not answered yet".to_owned());
        }
        if let Some(why) = self.health.trouble() {
            return Some(why);
        }
        let knows_sessions = self.knows_sessions.load(Ordering::Acquire);
        (!knows_sessions).then(|| "the broker's sessions are not known yet".to_owned())
    }

    /// Answers logins and keeps everything right until the returned handle is stopped.
    pub(crate) fn start(self: &Arc<Self>, service: Service, upkeep: Upkeep) -> Running {
        let (stop, stopped) = oneshot::channel();
        let answering = self.logins.spawn(answer(self.clone(), Arc::new(service), stopped));
        let Upkeep { registry, ended, doubted, clock } = upkeep;
        let tasks = vec![
            tokio::spawn(boxes::keep(self.clone(), registry.clone(), clock.clone(), Kind::Inbox)),
            tokio::spawn(boxes::keep(self.clone(), registry.clone(), clock.clone(), Kind::Mail)),
            tokio::spawn(ending::remove_old_mail(self.clone(), registry.clone(), clock.clone())),
            tokio::spawn(skew::watch(self.clone(), clock.clone())),
            tokio::spawn(upkeep::keep_sessions(self.clone(), registry.clone())),
            tokio::spawn(sessions::watch(self.clone(), registry.clone())),
            tokio::spawn(sessions::verify(self.clone(), doubted)),
            tokio::spawn(sessions::tell(self.clone())),
            tokio::spawn(sessions::hear(self.clone())),
            tokio::spawn(budgets::watch(self.clone(), registry.clone(), clock.clone(), Kind::Inbox)),
            tokio::spawn(budgets::watch(self.clone(), registry.clone(), clock.clone(), Kind::Mail)),
            tokio::spawn(budgets::hear(self.clone())),
            tokio::spawn(ending::run(self.clone(), registry, clock, ended)),
        ];
        Running { stop, answering, tasks }
    }
}

impl Admission for Broker {
    fn admit(&self, connection: &Connection, key: &KeyId, identity: &Member) -> Result<Rights, LoginRefusal> {
        let (chain, handle) = (identity.chain, identity.handle.clone());
        let may_send = |kind| self.rights.may_send(kind, &chain);
        let rights = Rights { send: may_send(Kind::Inbox), chat: may_send(Kind::Mail) };
        let held = Held { key: Some(*key), handle, chain: Some(chain), rights };
        if let Err(Full) = self.sessions.grant(connection, *key, held.clone()) {
            // If many are in doubt, others are looked at first.
            let _ = self.doubted.try_send(held.handle);
            return Err(LoginRefusal::TooManySessions);
        }
        self.shared.push(connection, *key, chain, &held);
        Ok(rights)
    }
}

/// The broker's tasks.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    answering: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Leaves the queue group, answers what is in flight, and ends.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        // The task does not panic, and is not aborted.
        let _ = self.answering.await;
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn answer(broker: Arc<Broker>, service: Arc<Service>, stopped: oneshot::Receiver<()>) {
    let client = broker.auth.client.clone();
    let requests = match client.queue_subscribe(SUBJECT, QUEUE.to_owned()).await {
        Ok(requests) => requests,
        Err(error) => return tracing::error!(%error, "logins cannot be answered"),
    };
    let (end, ended) = watch::channel(());
    let answering = tokio::spawn(service.run(client.clone(), requests, ended));
    let watching = async {
        let mut seen = 0;
        loop {
            broker.auth.came_up(&mut seen).await;
            // Ready only once the broker has taken the subscription.
            let is_there = client.flush().await.is_ok();
            broker.is_answering.store(is_there, Ordering::Release);
        }
    };
    tokio::select! {
        () = watching => {}
        _ = stopped => {}
    }
    broker.is_answering.store(false, Ordering::Release);
    drop(end);
    let _ = answering.await;
    // What was answered last has to leave this machine before the program does.
    let _ = tokio::time::timeout(Duration::from_secs(1), client.flush()).await;
}
