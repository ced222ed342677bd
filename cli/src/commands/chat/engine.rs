//! The machine at work: what happens goes in, what it wants is written down and then done.

mod turn;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use getrandom::SysRng;
use kez_conversation::{Batch, Config, Effect, Event, Machine, Notice, Now, Stands, Step};
use kez_core::{KeyId, chat_leaf};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::asks::Asks;
use super::link::{Errand, Link};
use super::names;
use super::records::Records;
use super::requests::Request;
use super::socket::Asked;
use crate::broker::{BrokerUrl, Member, Session};
use crate::commands::home::Home;
use crate::commands::inbox::backoff::Backoff;
use crate::commands::inbox::outage::Outage;
use crate::commands::inbox::refusal;
use crate::commands::inbox::senders::Senders;
use crate::failure::{Failure, Local};

/// Questions to the home server that are under way at once.
const ASKED_AT_ONCE: usize = 8;

/// A device's conversations, while this program runs.
pub(super) struct Engine {
    pub(super) home: Arc<Home>,
    pub(super) member: Arc<Member>,
    pub(super) broker: BrokerUrl,
    pub(super) records: Records,
    pub(super) machine: Machine,
    asks: Arc<Asks>,
    at_once: Arc<Semaphore>,
    began: Instant,
    wake: Option<Instant>,
    to_do: VecDeque<Event>,
    /// Something that was found behind what is the machine's.
    other: Option<Happened>,
    happened: mpsc::UnboundedReceiver<Happened>,
    tell: mpsc::UnboundedSender<Happened>,
    link: Option<Link>,
    links: u64,
    backoff: Backoff,
    /// Whether the broker let this device in since this program began, and what it said last if it did not.
    pub(super) was_in: bool,
    pub(super) refused: Option<Failure>,
    outage: Outage,
    /// Frames whose keeping the broker is to be told of, by what the machine calls them.
    receipts: BTreeMap<u64, String>,
    tokens: u64,
    /// Questions to the home server that have no answer yet.
    asking: usize,
    /// The machine's looks at the mailbox that did not come back yet.
    looking: usize,
    /// Whether what was in the mailbox and in the inbox when this connection began is here.
    looked: bool,
    inbox_read: bool,
    senders: Arc<Mutex<Senders>>,
    /// Whether what was said before this program began is printed, and how many lines are.
    pub(super) is_printed: bool,
    pub(super) printed: u64,
}

/// The look that is this program's and not the machine's.
const OWN_LOOK: u64 = 0;

/// Something that happened outside.
pub(super) enum Happened {
    /// To the machine.
    Event(Event),
    /// The broker lets this device in, or does not.
    LoggedIn(Result<Session, Failure>),
    /// A frame came over the link of this number.
    Frame { link: u64, sender: KeyId, frame: Vec<u8>, receipt: String },
    /// The link of this number is over.
    Lost { link: u64 },
    /// Somebody asks to be in touch.
    Request(Request),
    /// There are no more contact requests in the inbox.
    InboxRead,
    /// What an identity is called.
    Named { chain: KeyId, handle: String },
    /// Another process of this user asks for something.
    Command(Asked),
}

/// What one turn came to.
pub(super) enum Turn {
    /// Somebody wants the program to end.
    Stopped,
    /// Of the machine.
    Notices(Vec<Notice>),
    /// Not of the machine.
    Other(Happened),
}

impl Engine {
    /// Opens what is kept, and begins to connect.
    pub(super) async fn open(
        home: Arc<Home>,
        member: Arc<Member>,
        broker: BrokerUrl,
        records: Records,
    ) -> Result<Engine, Failure> {
        let (tell, happened) = mpsc::unbounded_channel();
        let config = Config::new(home.name.clone(), member.chain, member.key.id());
        let began = Instant::now();
        let now = Now { wall: home.now(), steady: 0 };
        let (machine, step) = Machine::open(config, records.machines(), now, &mut SysRng).map_err(no_randomness)?;
        let asks = Arc::new(Asks::new(Arc::clone(&home), Arc::clone(&member)));
        let mut engine = Engine {
            home,
            member,
            broker,
            records,
            machine,
            asks,
            at_once: Arc::new(Semaphore::new(ASKED_AT_ONCE)),
            began,
            wake: None,
            to_do: VecDeque::new(),
            other: None,
            happened,
            tell,
            link: None,
            links: 0,
            backoff: Backoff::default(),
            was_in: false,
            refused: None,
            outage: Outage::default(),
            receipts: BTreeMap::new(),
            tokens: 0,
            asking: 0,
            looking: 0,
            looked: false,
            inbox_read: false,
            senders: Arc::default(),
            is_printed: false,
            printed: 0,
        };
        // Nothing is told before there is anybody.
        let _ = engine.perform(step, Batch::default()).await?;
        engine.look_up(engine.member.chain);
        engine.connect(Duration::ZERO);
        Ok(engine)
    }

    /// Lets the connection go once the broker was told what is kept here.
    pub(super) async fn close(mut self) {
        if let Some(link) = self.link.take() {
            link.end().await;
        }
        self.records.close().await;
    }

    /// Whether the broker lets this device in at the moment.
    pub(super) fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// Whether all is here that waited when this program began, and nothing is asked for.
    pub(super) fn is_settled(&self) -> bool {
        let is_idle = self.asking == 0 && self.looking == 0 && self.to_do.is_empty();
        self.looked && self.inbox_read && is_idle && self.machine.status().mail == 0
    }

    /// Whether the home server says that another state of this device goes on.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.machine.status().is_only == Some(false)
    }

    /// Whether an identity asks to talk.
    pub(super) fn has_asked(&self, chain: &KeyId) -> bool {
        names::has_asked(&self.records, chain)
    }

    /// Finds out what those are called who left a Welcome and are no contacts: that is how they ask.
    pub(super) async fn look_up_who_asks(&mut self, notices: &[Notice]) -> Result<(), Failure> {
        for notice in notices {
            let Notice::Asked { by } = notice else { continue };
            let ours = names::asks(&self.records, by, None, self.home.now());
            self.records.write(Batch::default(), ours).await?;
            self.look_up(*by);
        }
        Ok(())
    }

    fn look_up(&self, chain: KeyId) {
        if names::who(&self.records, &chain).handle.is_some() {
            return;
        }
        let (asks, tell) = (Arc::clone(&self.asks), self.tell.clone());
        tokio::spawn(async move {
            if let Ok(Some(handle)) = spawn_blocking(move || asks.handle_of(chain)).await {
                // Nobody may listen any longer.
                let _ = tell.send(Happened::Named { chain, handle });
            }
        });
    }

    /// What tells of things that happen elsewhere.
    pub(super) fn teller(&self) -> mpsc::UnboundedSender<Happened> {
        self.tell.clone()
    }

    /// Hands an event to the machine; `ours` is written in the same step.
    pub(super) async fn handle(&mut self, event: Event, ours: Batch) -> Result<Vec<Notice>, Failure> {
        let step = self.step(event)?;
        self.perform(step, ours).await
    }

    /// How this person stands to an identity from now on.
    pub(super) async fn contact(&mut self, chain: KeyId, stands: Stands, ours: Batch) -> Result<Vec<Notice>, Failure> {
        self.handle(Event::Contact { chain, stands }, ours).await
    }

    /// First the writes; only then anything leaves.
    async fn perform(&mut self, step: Step, ours: Batch) -> Result<Vec<Notice>, Failure> {
        self.records.write(step.writes, ours).await?;
        self.wake = None;
        let mut notices = Vec::new();
        for effect in step.effects {
            match effect {
                Effect::Acknowledge(token) => {
                    if let Some(receipt) = self.receipts.remove(&token) {
                        self.errand(Errand::Settle(receipt));
                    }
                }
                Effect::Look { look } => {
                    self.looking += usize::from(self.errand(Errand::Look(look)));
                }
                Effect::Publish { publish, device, message_id, frame } => {
                    let id = const_hex::encode(message_id);
                    if !self.errand(Errand::Post { publish, device, id, frame }) {
                        self.to_do.push_back(Event::Published { publish, kept: false });
                    }
                }
                Effect::Ask { request, what } => self.ask(request, what),
                Effect::Vouch { chat_key } => {
                    let signature = chat_leaf::sign(&self.member.key, &self.member.chain, &chat_key);
                    self.to_do.push_back(Event::Vouched { chat_key, signature });
                }
                Effect::SignRejoin(rejoin) => {
                    let envelope = rejoin.sign(&self.member.key);
                    self.to_do.push_back(Event::SignedRejoin { to: rejoin.to, envelope });
                }
                Effect::WakeAt(at) => self.wake = Some(self.began + Duration::from_millis(at)),
                Effect::Tell(notice) => notices.push(notice),
            }
        }
        Ok(notices)
    }

    /// Whether there is a connection to do it over.
    fn errand(&self, errand: Errand) -> bool {
        self.link.as_ref().is_some_and(|link| link.send(errand))
    }

    fn ask(&mut self, request: u64, what: kez_conversation::Request) {
        self.asking += 1;
        let (asks, at_once, tell) = (Arc::clone(&self.asks), Arc::clone(&self.at_once), self.tell.clone());
        tokio::spawn(async move {
            let _turn = at_once.acquire().await;
            let answer = spawn_blocking(move || asks.answer(what)).await.unwrap_or(kez_conversation::Answer::None);
            // Nobody may listen any longer.
            let _ = tell.send(Happened::Event(Event::Answered { request, answer }));
        });
    }

    fn connect(&self, pause: Duration) {
        let (home, broker, member, tell) =
            (Arc::clone(&self.home), self.broker.clone(), Arc::clone(&self.member), self.tell.clone());
        tokio::spawn(async move {
            sleep(pause).await;
            let session = match Session::open(&broker, &member).await {
                Err(failure) => Err(refusal::explain(&home, failure).await),
                session => session,
            };
            let _ = tell.send(Happened::LoggedIn(session));
        });
    }
}

fn no_randomness(error: getrandom::Error) -> Failure {
    Failure::new(Local::Io, format!("The operating system gives no random numbers: {error}."))
}
