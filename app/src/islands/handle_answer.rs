//! What is known of the name in a field, while it is being typed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kez_core::handle::{NotTyped, Typed};
use kez_core::{Code, Handle};
use leptos::prelude::*;
use web_sys::AbortSignal;

use super::bind::{effect, flag, text, typed, word};
use super::var::Var;
use crate::api;
use crate::browser::{self, AbortOnDrop};
use crate::components::escape;
use crate::place::{asked_for, server_name};
use crate::task::spawn;
use crate::typed::handle_to_take;

/// How long the typing has to pause before the server is asked, in milliseconds.
const PAUSE: i32 = 250;

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// There is no name yet.
    Empty,
    /// The server is being asked.
    Checking,
    /// Nobody holds it.
    Free,
    /// This browser's own key gave it back and may take it again.
    Again,
    /// Somebody holds it.
    Taken,
    /// The server keeps it.
    Reserved,
    /// It is no handle; why.
    Invalid(String),
    /// It was given back, and is held for its former key.
    Released,
    /// The server could not be asked; what to do.
    Offline(String),
}

impl Answer {
    /// Whether the person may have it.
    pub(super) const fn is_free(&self) -> bool {
        matches!(self, Answer::Free | Answer::Again)
    }

    /// For `data-state`.
    pub(super) const fn state(&self) -> &'static str {
        match self {
            Answer::Empty => "empty",
            Answer::Checking => "checking",
            Answer::Free | Answer::Again => "free",
            Answer::Taken => "taken",
            Answer::Reserved => "reserved",
            Answer::Invalid(_) => "invalid",
            Answer::Released => "released",
            Answer::Offline(_) => "offline",
        }
    }

    /// As markup: a name is a name in every language.
    fn sentence(&self, name: &str) -> String {
        let name = format!("<span translate=\"no\">{}</span>", escape(name));
        match self {
            Answer::Empty => "3–32 characters: a–z, 0–9, _ and -".to_owned(),
            Answer::Checking => "Looking…".to_owned(),
            Answer::Free => format!("{name} is free."),
            Answer::Again => format!("You released {name}. Your key may take it again."),
            Answer::Taken => format!("{name} is taken."),
            Answer::Reserved => format!("{name} is reserved for the server itself. Choose another."),
            Answer::Released => format!("{name} was released and is held for its former key. Choose another."),
            Answer::Invalid(why) | Answer::Offline(why) => escape(why),
        }
    }
}

/// What is being asked.
#[derive(Default)]
struct Asking {
    /// Counts what was typed.
    round: Cell<u32>,
    request: RefCell<Option<AbortOnDrop>>,
}

/// The answer for whatever `name` holds, kept up to date. Asking pauses for the typing, and an answer that was overtaken
/// is dropped with its request.
pub(super) fn answer_for(name: Var<String>) -> Var<Answer> {
    let answer = Var::new(Answer::Empty);
    let asking = Rc::new(Asking::default());
    effect(move || {
        let text = name.get();
        let this_round = asking.round.get() + 1;
        asking.round.set(this_round);
        asking.request.take();
        let handle = match judge(&text) {
            Ok(handle) => handle,
            Err(verdict) => return answer.set(verdict),
        };
        answer.set(Answer::Checking);
        let asking = Rc::clone(&asking);
        spawn(async move {
            browser::sleep(PAUSE).await;
            if asking.round.get() != this_round {
                return;
            }
            let (guard, signal) = AbortOnDrop::new().unzip();
            asking.request.replace(guard);
            let found = ask(&handle, signal.as_ref()).await;
            if asking.round.get() == this_round {
                answer.set(found);
            }
        });
    });
    answer
}

/// What can be told without asking anyone.
fn judge(text: &str) -> Result<Handle, Answer> {
    if text.parse::<Typed>() == Err(NotTyped::Nothing) {
        return Err(Answer::Empty);
    }
    match handle_to_take(text) {
        Ok(handle) if handle.is_reserved() => Err(Answer::Reserved),
        Ok(handle) => Ok(handle),
        Err(why) => Err(Answer::Invalid(why)),
    }
}

/// The handle that `name` is understood as; what was typed, where it is none.
pub(super) fn understood(name: Var<String>) -> String {
    name.with(|name| handle_to_take(name).map_or_else(|_| name.clone(), |handle| handle.to_string()))
}

async fn ask(handle: &Handle, abort: Option<&AbortSignal>) -> Answer {
    match api::lookup(handle, abort).await {
        Ok(_) => Answer::Taken,
        Err(failure) => match failure.code() {
            Some(Code::NotFound) => Answer::Free,
            Some(Code::Gone) => Answer::Released,
            _ => Answer::Offline(failure.advice()),
        },
    }
}

/// The field for a name, and the answer below it.
///
/// For tests: the field is `#handle`, labelled `Handle`; the answer is `#handle-answer`, a live region with
/// `data-state` `empty`, `checking`, `free`, `taken`, `reserved`, `invalid`, `released` or `offline`; of a taken name it
/// holds a link to the profile.
#[component]
pub(super) fn HandleField(
    /// What is in the field.
    name: Var<String>,
    /// What is known of it.
    answer: Var<Answer>,
) -> impl IntoView {
    // What was typed before the page came alive counts, and so does what the page was asked for.
    effect(move || name.set(browser::value_of("handle")));
    let state = word(move || answer.with(Answer::state));
    view! {
        <label for="handle">"Handle"</label>
        <div class="field" data-state=state>
            <input
                id="handle"
                name="handle"
                type="text"
                value=asked_for()
                prop:value=text(move || name.get())
                on:input=typed(name)
                placeholder="yourname"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                maxlength="300"
                required
                aria-describedby="handle-answer"
            />
            <span class="suffix" translate="no">"@"{server_name()}</span>
        </div>
        <p id="handle-answer" class="answer" role="status" data-state=state>
            <span inner_html=text(move || answer.with(|answer| answer.sentence(&understood(name))))></span>" "
            <a
                hidden=flag(move || answer.with(|answer| *answer != Answer::Taken))
                href=text(move || format!("/@{}", understood(name)))
            >
                "See who it is"
            </a>
        </p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_server_is_told_without_one() {
        assert_eq!(judge(""), Err(Answer::Empty));
        assert_eq!(judge("admin"), Err(Answer::Reserved));
        assert!(matches!(judge("Alice"), Err(Answer::Invalid(why)) if why.contains("capital")));
        assert!(matches!(judge("al"), Err(Answer::Invalid(_))));
        for typed in ["alice", "alice ", "@alice", "\u{feff}alice\r\n"] {
            assert_eq!(judge(typed).map(|handle| handle.to_string()), Ok("alice".to_owned()), "{typed:?}");
        }
        assert_eq!(judge(" @ "), Err(Answer::Empty));
        assert!(matches!(judge("alice@"), Err(Answer::Invalid(why)) if why.contains("server's name")));
    }
}
