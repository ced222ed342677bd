//! Being connected: one tab of a browser at a time, for as long as its page is open.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kez_core::{KeyId, ServerName};

use super::client::Connection;
use super::link::{Link, State, explain};
use super::{Trouble, retry};
use crate::api;
use crate::browser::{self, Bell, Channel, Listener, Turn};
use crate::contacts::{self, Delivered};
use crate::place::Broker;
use crate::task::spawn;
use crate::vault::{self, Identity};

/// The lock of the tab that is connected, and the channel on which it says how that goes.
const TABS: &str = "kez-chat broker";
/// What a tab says that wants to know. No state is spelt like this.
const HOW_IS_IT: &str = "?";

/// Seconds that one request for a message waits.
const PULL_SECS: u32 = 30;
/// Seconds after which a connection counts as one that worked.
const PROVEN_SECS: u64 = 60;
/// Milliseconds to wait when the broker cannot deliver for reasons of its own.
const PAUSE_MILLIS: i32 = 5_000;
/// How often in a row that may be, before the session is begun anew: the server makes an inbox at each login.
const MISSES: u32 = 2;
/// What there is to say when there is none.
const NO_INBOX: &str = "The broker has no inbox for this key at the moment. The server makes it anew; what was sent to you \
                        waits, unless it was deleted with it.";
/// Senders with too large logs that are noted.
const MAX_NOTED: usize = 3;

/// What a page shows of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// The connection.
    pub(crate) link: Link,
    /// Whether another tab has it.
    pub(crate) elsewhere: bool,
    /// Messages that were no requests, and were thrown away.
    pub(crate) dropped: u32,
    /// Who sent what could not be verified, because their logs of keys are too large.
    pub(crate) too_large: Vec<KeyId>,
}

/// A session that wants to be connected until it is dropped.
pub(crate) struct Session(Rc<Inner>);

impl Session {
    /// Starts to be connected as `identity`, and has every change shown. Whoever rings `bell` has it try at once what it
    /// would try later.
    pub(crate) fn start(
        identity: Identity,
        server: ServerName,
        broker: Broker,
        bell: Bell,
        show: fn(&Identity, &View),
    ) -> Session {
        let inner = Rc::new(Inner {
            identity,
            server,
            broker,
            show,
            view: RefCell::new(View {
                link: Link::plain(State::Connecting),
                elsewhere: false,
                dropped: 0,
                too_large: Vec::new(),
            }),
            is_over: Cell::new(false),
            bell,
            current: RefCell::new(None),
        });
        spawn(Rc::clone(&inner).run());
        Session(inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.is_over.set(true);
        self.0.hang_up();
        self.0.bell.ring();
    }
}

struct Inner {
    identity: Identity,
    server: ServerName,
    broker: Broker,
    show: fn(&Identity, &View),
    /// What was shown last.
    view: RefCell<View>,
    is_over: Cell<bool>,
    /// Wakes the session from whatever it waits for between connections.
    bell: Bell,
    current: RefCell<Option<Rc<Connection>>>,
}

impl Inner {
    async fn run(self: Rc<Self>) {
        let is_mine = Rc::new(Cell::new(false));
        let _others = Channel::open(TABS, {
            let (inner, is_mine) = (Rc::clone(&self), Rc::clone(&is_mine));
            move |said| inner.heard(&said, is_mine.get())
        });
        browser::say(TABS, HOW_IS_IT);
        let _turn = Turn::take(TABS).await;
        is_mine.set(true);
        contacts::tidy(browser::now()).await;
        let _online = Listener::new("online", {
            let bell = self.bell.clone();
            move || bell.ring()
        });
        let _offline = Listener::new("offline", {
            let inner = Rc::clone(&self);
            move || inner.hang_up()
        });
        self.connect_again_and_again().await;
    }

    /// Another tab says how its connection is, or asks how this one's is.
    fn heard(&self, said: &str, is_mine: bool) {
        if is_mine && said == HOW_IS_IT {
            browser::say(TABS, &self.view.borrow().link.to_text());
        } else if let Some(link) = Link::parse(said).filter(|_| !is_mine) {
            self.change(|view| (view.link, view.elsewhere) = (link, true));
        }
    }

    fn report(&self, link: Link) {
        if !self.is_over.get() {
            browser::say(TABS, &link.to_text());
            self.change(|view| (view.link, view.elsewhere) = (link, false));
        }
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view.borrow_mut());
        if !self.is_over.get() {
            (self.show)(&self.identity, &self.view.borrow());
        }
    }

    async fn connect_again_and_again(&self) {
        let mut failures = 0;
        let mut is_quiet = false;
        while !self.is_over.get() {
            if !browser::is_online() {
                self.report(Link::plain(State::Offline));
                self.bell.rung().await;
                failures = 0;
                continue;
            }
            if !is_quiet {
                self.report(Link::plain(State::Connecting));
            }
            let began = browser::now();
            let trouble = self.connect_once().await;
            self.current.take();
            // The broker ends every session after a while. Nothing is wrong then, and there is nothing to say.
            is_quiet = trouble == Trouble::Expired;
            if is_quiet || began.abs_diff(browser::now()) >= PROVEN_SECS {
                failures = 0;
            }
            if !is_quiet && browser::is_online() && !self.is_over.get() {
                failures += 1;
                self.pause(trouble, failures).await;
            }
        }
    }

    /// Connects, and takes what comes; says why that is over.
    async fn connect_once(&self) -> Trouble {
        let connection = match Connection::open(&self.identity, &self.server, &self.broker).await {
            Ok(connection) => Rc::new(connection),
            Err(trouble) => return trouble,
        };
        if self.is_over.get() {
            return Trouble::Lost;
        }
        self.current.replace(Some(Rc::clone(&connection)));
        // What arrives is judged by the server's clock.
        api::ask_for_the_time().await;
        self.report(Link::connected());
        let mut misses = 0;
        loop {
            let pulled = connection.pull(PULL_SECS).await;
            misses = if matches!(pulled, Ok(_) | Err(408)) { 0 } else { misses + 1 };
            match pulled {
                Ok(message) => {
                    let me = &self.identity.chain;
                    match contacts::receive(me, &self.server, &message.subject, &message.data).await {
                        Ok(delivered) => {
                            connection.acknowledge(&message);
                            match delivered {
                                Delivered::Kept => {}
                                Delivered::Dropped => self.change(|view| view.dropped += 1),
                                Delivered::TooLarge(sender) => self.note(sender),
                            }
                        }
                        // It stays in the inbox, and comes again.
                        Err(contacts::NotNow) => browser::sleep(PAUSE_MILLIS).await,
                    }
                }
                Err(0) => return connection.ended().await,
                Err(408) => {}
                Err(_) if misses >= MISSES => return Trouble::NoInbox,
                Err(_) => browser::sleep(PAUSE_MILLIS).await,
            }
        }
    }

    /// Notes who asked and cannot be verified, a few of them.
    fn note(&self, sender: KeyId) {
        if !self.view.borrow().too_large.contains(&sender) {
            self.change(|view| {
                view.too_large.truncate(MAX_NOTED - 1);
                view.too_large.insert(0, sender);
            });
        }
    }

    /// Says what is wrong, and waits until it is worth another try.
    async fn pause(&self, trouble: Trouble, failures: u32) {
        let chance = vault::random::<1>().map_or(u8::MAX, |byte| byte[0]);
        let wait_secs = retry::wait_secs(failures, chance);
        match explain(trouble, &self.identity).await {
            Some(refusal) => {
                self.report(Link::refused(&refusal.why));
                if refusal.may_pass {
                    self.bell.wait(i32::try_from(wait_secs * 1000).unwrap_or(i32::MAX)).await;
                } else {
                    self.bell.rung().await;
                }
            }
            None => {
                let why = if trouble == Trouble::NoInbox { NO_INBOX } else { "" };
                for left in (1..=wait_secs).rev() {
                    self.report(Link::retrying(left, why));
                    if self.bell.wait(1000).await || !browser::is_online() {
                        return;
                    }
                }
            }
        }
    }

    fn hang_up(&self) {
        if let Some(connection) = self.current.take() {
            connection.close();
        }
        self.bell.ring();
    }
}
