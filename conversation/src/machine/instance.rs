//! One life of a state: before anything is encrypted, the server says that this state is no copy.

use super::Machine;
use super::records::{Instance, Lost};
use crate::effect::{Notice, Request};
use crate::event::{Answer, Refused};

/// How far this run has come in being the only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has said so in this connection.
    #[default]
    Unknown,
    /// It is the only one.
    Only,
    /// Another one is at work; the person decides.
    SomebodyElse,
}

/// How old the last step may be when something is encrypted, in milliseconds: a backup that is older is found out. The server
/// takes 60 an hour.
const STEP_MS: u64 = 120_000;

impl Machine {
    /// A new step of the chain of instances, at every opening and every connection. One that is written down and has no
    /// answer is said again, since the server may have taken it.
    pub(super) fn begin_instance(&mut self) {
        if self.store.get::<Instance>("instance").is_none() {
            self.store.put("instance", &Instance { current: None, next: None, created_at: self.now.wall });
        }
    }

    pub(super) fn work_instance(&mut self) {
        if self.live.instance == Stage::Unknown {
            self.take_step();
        }
    }

    /// Whether this state was the only one a moment ago; else the server is asked. A backup of this run that is put back
    /// begins with a step that the server does not know any longer.
    pub(super) fn is_only(&mut self) -> bool {
        let fresh = self.live.stepped_at.is_some_and(|at| self.now.steady < at + STEP_MS);
        if !fresh {
            self.take_step();
        }
        fresh
    }

    fn take_step(&mut self) {
        if !self.may_ask("instance") {
            return;
        }
        let Some(mut instance) = self.store.get::<Instance>("instance") else { return };
        let fresh = self.random_id();
        let next = *instance.next.get_or_insert(fresh);
        // The envelope's time has to be near the server's.
        if next == fresh || self.since(instance.created_at) > 240 || instance.created_at > self.now.wall {
            instance.created_at = self.now.wall;
            self.store.put("instance", &instance);
        }
        let previous = instance.current.map(|id| id.0);
        let what = Request::Instance { previous, instance: next.0, created_at: instance.created_at };
        self.ask("instance".to_owned(), what);
    }

    pub(super) fn instance_answered(&mut self, answer: &Answer) {
        let Some(instance) = self.store.get::<Instance>("instance") else { return };
        let taken = Instance { current: instance.next, next: None, created_at: self.now.wall };
        match answer {
            // The server took it at this moment, and nobody else has this answer.
            Answer::Instance { known: false } => {
                self.store.put("instance", &taken);
                self.live.instance = Stage::Only;
                self.live.stepped_at = Some(self.now.steady);
            }
            // It was taken before, by this run or by whoever has a copy of it: one more step tells them apart.
            Answer::Instance { known: true } => self.store.put("instance", &taken),
            Answer::Refused(Refused::Conflict { .. }) if self.live.opened => {
                self.live.instance = Stage::SomebodyElse;
                self.tell(Notice::SomebodyElse);
            }
            Answer::Refused(Refused::Conflict { .. }) => self.begin_anew(),
            Answer::Refused(Refused::Stale) => {
                let now = self.now.wall;
                self.store.put("instance", &Instance { created_at: now, ..instance });
                self.back_off("instance");
            }
            _ => self.back_off("instance"),
        }
        if self.live.instance == Stage::Only {
            self.live.opened = true;
        }
    }

    /// The state was a copy, or older than what was used since: its keys are never used again. What was said is kept.
    fn begin_anew(&mut self) {
        for list in [
            "mls/", "group/", "package/", "made/", "claimed/", "mail/", "sealed/", "noted/", "answer/", "lost/", "me",
            "seed",
        ] {
            self.store.delete_all(list);
        }
        for key in self.store.keys("out/") {
            if let Some(mut out) = self.store.get::<super::records::Out>(&key) {
                match out.what {
                    super::records::What::Content { .. } => {
                        out.sent = None;
                        self.store.put(&key, &out);
                    }
                    super::records::What::Frame { .. } => self.store.delete(&key),
                }
            }
        }
        for peer in self.peers() {
            self.lose(peer);
        }
        self.store.put("instance", &Instance { current: None, next: None, created_at: self.now.wall });
        // What is lost is known, and is asked for at once.
        let long_ago = kez_core::Timestamp::from_unix(0);
        for peer in self.peers() {
            let lost = Lost { since: long_ago, first_asked: None, state: true };
            self.store.put(&format!("lost/{}", peer.hex()), &lost);
        }
        self.live.available = None;
        self.tell(Notice::BeganAnew);
    }
}
