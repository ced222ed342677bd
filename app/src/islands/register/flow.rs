//! What the steps do, apart from how they look.

use kez_core::registration::Statement;
use kez_core::{Code, Handle, ServerName, Timestamp};
use leptos::prelude::*;

use super::super::bind::effect;
use super::super::handle_answer::{Answer, answer_for, understood};
use super::super::var::Var;
use super::step::Step;
use crate::api::{self, Failure, Holder};
use crate::browser;
use crate::chain::{self, NOT_LOADED};
use crate::place::{asked_for, server_name};
use crate::task::spawn;
use crate::typed::handle_to_take;
use crate::vault::{self, Fault, Identity, Stage};

/// A statement that was shown for longer than this gets a new time before it is signed, in seconds: the server takes
/// 300 either way, and clocks differ.
const FRESH: u64 = 60;

/// The state of the four steps. A handle to it is as cheap to copy as a number.
#[derive(Clone, Copy)]
pub(super) struct Flow {
    pub(super) step: Var<Step>,
    pub(super) name: Var<String>,
    pub(super) answer: Var<Answer>,
    /// What this browser holds.
    pub(super) identity: Var<Option<Identity>>,
    /// The statement's time.
    pub(super) created_at: Var<Timestamp>,
    /// What is going on.
    pub(super) busy: Var<String>,
    /// What is good to know.
    pub(super) note: Var<String>,
    /// What went wrong, and what to do.
    pub(super) trouble: Var<String>,
}

impl Flow {
    pub(super) fn new() -> Self {
        let name = Var::new(asked_for());
        let identity = Var::new(None::<Identity>);
        let answer = answer_for(name);
        // A released handle is held for the key that released it, which may be the one in this browser.
        effect(move || {
            let held = identity.get().filter(|held| held.stage == Stage::Released);
            let is_ours = held.is_some_and(|held| name.with(|name| handle_to_take(name) == Ok(held.handle)));
            if is_ours && answer.get() == Answer::Released {
                answer.set(Answer::Again);
            }
        });
        Flow {
            step: Var::new(Step::Name),
            name,
            answer,
            identity,
            created_at: Var::new(Timestamp::from_unix(0)),
            busy: Var::new(String::new()),
            note: Var::new(String::new()),
            trouble: Var::new(String::new()),
        }
    }

    pub(super) fn resume(self) {
        spawn(async move {
            match vault::load().await {
                Ok(None) => {}
                Ok(Some(identity)) => self.resume_with(identity).await,
                Err(fault) => {
                    self.trouble.set(fault.advice().to_owned());
                    self.step.set(Step::Broken);
                }
            }
        });
    }

    async fn resume_with(self, identity: Identity) {
        self.identity.set(Some(identity.clone()));
        if identity.stage == Stage::Registered {
            return self.step.set(Step::Held);
        }
        // The answer to an earlier try may have been lost, and the handle may be this key's already.
        if let Ok(holder) = api::lookup_key(identity.key).await {
            return self.adopt(&identity, &holder).await;
        }
        let came_with = self.name.get_untracked();
        let is_same = || handle_to_take(&came_with).as_ref() == Ok(&identity.handle);
        if identity.stage == Stage::Made && (came_with.is_empty() || is_same()) {
            self.name.set(identity.handle.to_string());
            self.note.set("The key that you made here is still here. Continue where you left off.".to_owned());
            self.created_at.set(browser::now());
            self.step.set(Step::Sign);
        } else if came_with.is_empty() {
            self.name.set(identity.handle.to_string());
        }
    }

    pub(super) fn choose(self) {
        let Ok(handle) = self.name.with_untracked(|name| handle_to_take(name)) else { return };
        if self.is_busy() || !self.answer.with_untracked(Answer::is_free) {
            return;
        }
        self.trouble.set(String::new());
        self.note.set(String::new());
        self.busy.set("Making and sealing your key…".to_owned());
        self.go(Step::Keys);
        spawn(async move {
            let kept = self.keep(handle).await;
            self.busy.set(String::new());
            match kept {
                Ok(identity) => {
                    self.identity.set(Some(identity));
                    self.created_at.set(browser::now());
                    self.go(Step::Sign);
                }
                Err(fault) => {
                    self.trouble.set(fault.advice().to_owned());
                    self.go(Step::Name);
                }
            }
        });
    }

    async fn keep(self, handle: Handle) -> Result<Identity, Fault> {
        match self.identity.get_untracked() {
            None => vault::create(handle, Stage::Made, browser::now()).await,
            // What was released stays noted until something else is registered.
            Some(identity) if identity.stage == Stage::Released => Ok(identity),
            Some(identity) => {
                let identity = Identity { handle, stage: Stage::Made, ..identity };
                vault::update(&identity).await?;
                Ok(identity)
            }
        }
    }

    /// What is about to be signed.
    pub(super) fn statement(self) -> Option<Statement> {
        let handle = self.name.with(|name| handle_to_take(name)).ok()?;
        let server = server_name().parse::<ServerName>().ok()?;
        Some(Statement::registration(handle, server, self.created_at.get()))
    }

    pub(super) fn sign(self) {
        if self.is_busy() {
            return;
        }
        self.trouble.set(String::new());
        self.note.set(String::new());
        self.busy.set("Signing and registering…".to_owned());
        if browser::now().abs_diff(self.created_at.get_untracked()) > FRESH {
            self.created_at.set(browser::now());
        }
        spawn(async move {
            let mut sent = self.send().await;
            if let Ok(Err(failure)) = &sent
                && self.can_mend(failure).await
            {
                sent = self.send().await;
            }
            match (sent, self.identity.get_untracked()) {
                (Ok(Ok(holder)), Some(identity)) => self.finish(&identity, &holder, Step::Done).await,
                (Ok(Err(failure)), Some(identity)) => self.refused(&identity, &failure).await,
                (Err(fault), _) => self.trouble.set(fault.advice().to_owned()),
                (_, None) => self.go(Step::Name),
            }
            self.busy.set(String::new());
        });
    }

    async fn send(self) -> Result<Result<Holder, Failure>, Fault> {
        let (Some(identity), Some(statement)) = (self.identity.get_untracked(), untrack(|| self.statement())) else {
            return Err(Fault::Changed);
        };
        let envelope = statement.sign(&vault::open(&identity.key).await?);
        Ok(api::register(&envelope).await)
    }

    /// Whether signing once more, at another time, is what it takes; sets that time.
    async fn can_mend(self, failure: &Failure) -> bool {
        match failure {
            Failure::Refused { code: Code::StaleTimestamp, server_time: Some(time), .. } => {
                let minutes = browser::now().abs_diff(*time) / 60;
                self.note.set(format!(
                    "This device's clock is about {minutes} minutes off. The server's time was used; set the clock right."
                ));
                self.created_at.set(*time);
                true
            }
            // The same handle by the same key within one second is the same statement; the next second is another.
            Failure::Refused { code: Code::Replayed, .. } => {
                browser::sleep(1100).await;
                self.created_at.set(browser::now());
                true
            }
            _ => false,
        }
    }

    async fn refused(self, identity: &Identity, failure: &Failure) {
        let name = untrack(|| understood(self.name));
        match failure.code() {
            Some(Code::KeyAlreadyRegistered) => match api::lookup_key(identity.key).await {
                Ok(holder) => self.adopt(identity, &holder).await,
                Err(failure) => self.trouble.set(failure.advice()),
            },
            Some(Code::HandleTaken) => {
                self.trouble
                    .set(format!("{name} was taken a moment ago. Your key is kept; choose another name for it."));
                self.go(Step::Name);
                // Asks again, so that the field says it too.
                self.name.set(name);
            }
            Some(Code::ReservedHandle | Code::InvalidHandle) => {
                self.trouble.set(failure.advice());
                self.go(Step::Name);
            }
            None => self.trouble.set(format!(
                "{} Trying again is safe: if it did arrive, it is not registered twice.",
                failure.advice()
            )),
            Some(_) => self.trouble.set(failure.advice()),
        }
    }

    /// The server says that the key holds a handle already: so it does.
    async fn adopt(self, identity: &Identity, holder: &Holder) {
        self.finish(identity, holder, Step::Held).await;
    }

    async fn finish(self, identity: &Identity, holder: &Holder, step: Step) {
        let Ok(handle) = holder.handle.parse::<Handle>() else {
            return self.trouble.set(Failure::Odd.advice());
        };
        if holder.primary != identity.key {
            return self.trouble.set(Failure::Odd.advice());
        }
        let identity = Identity {
            stage: Stage::Registered,
            handle,
            registered_at: Some(holder.registered_at),
            ..identity.clone()
        };
        let noted = vault::update(&identity).await;
        self.identity.set(Some(identity.clone()));
        self.go(step);
        if step == Step::Done && noted.is_ok() && chain::first_words(identity).await.is_err() {
            self.note.set(NOT_LOADED.to_owned());
        }
        if let Err(fault) = noted {
            self.trouble.set(format!("The handle is registered, but: {}", fault.advice()));
        }
    }

    fn is_busy(self) -> bool {
        self.busy.with_untracked(|busy| !busy.is_empty())
    }

    /// Opens a step, and moves the keyboard there once it is drawn.
    pub(super) fn go(self, step: Step) {
        self.step.set(step);
        spawn(async move {
            browser::sleep(20).await;
            browser::focus(step.title_id());
        });
    }
}
