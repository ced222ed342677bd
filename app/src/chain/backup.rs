//! Recovery words: made here, shown while they are set up, typed back. They begin to count when they are saved, printed,
//! copied, or said to be written down; until then the page calls them not active yet, and leaving it is stopped.
//!
//! For tests: `#backup` with `data-state` `none` (there is no chain yet), `words` (they are shown), `check` (some are typed
//! back), `working`, `done` (a recovery key ranks above this browser's) or `device`, and with `data-active` `no`, `busy` or
//! `yes` while words are shown or typed back; words are `#backup-list > li`, `#backup-sheet` says whose they are,
//! `#backup-active` whether they count; fields `#backup-fields input` with `data-word` (from 1); buttons `Make recovery
//! words`, `Save as a file`, `Print`, `I have written them down`, `Check and finish`, `Show the words again`;
//! `#backup-error` has `role=alert`.

use std::cell::{Cell, RefCell};

use kez_core::recovery::is_word;
use kez_core::sigchain::Body;
use zeroize::Zeroizing;

use super::draft::{self, Use};
use super::own::{self, Own};
use super::sheet;
use crate::browser::{self, draw, focus, mark, tell, value_of};
use crate::components::day;
use crate::task::spawn;
use crate::vault::Identity;

/// Milliseconds for which a file or a sheet waits to be able to say that its words work.
const PATIENCE: i32 = 8_000;

thread_local! {
    /// Whose backup the page is about.
    static FOR: RefCell<Option<Identity>> = const { RefCell::new(None) };
    static LISTENS: Cell<bool> = const { Cell::new(false) };
    /// Whether leaving may be stopped. Browsers keep pages less readily that could do that, so not before there are words.
    static STOPS: Cell<bool> = const { Cell::new(false) };
}

/// Hears the section's buttons.
pub(super) fn listen() {
    if LISTENS.replace(true) {
        return;
    }
    browser::on_press("backup", |button| match button.get_attribute("data-do").as_deref() {
        Some("make") => {
            if let Some(identity) = FOR.with_borrow(Clone::clone) {
                begin(identity);
                focus("backup-title");
            }
        }
        Some("save") => spawn(save()),
        Some("print") => spawn(print()),
        Some("written") => {
            ask();
            spawn(activate());
        }
        Some("again") => {
            show_words();
            focus("backup-title");
        }
        _ => {}
    });
    browser::on_submit("backup-check", || spawn(finish()));
    browser::on("backup-list", "copy", || spawn(activate()));
    browser::on_window("beforeprint", || spawn(activate()));
}

/// Whether the section is there: what is about another identity, or about none any more, is hidden.
fn is_shown() -> bool {
    browser::attribute("backup", "hidden").is_none()
}

/// Shows how an identity is backed up.
pub(super) fn show(own: &Own) {
    if draft::with(|draft| draft.identity.key == own.identity.key).is_some_and(|is_theirs| is_theirs) {
        // Words that somebody is writing down stay where they are.
        return;
    }
    FOR.set(Some(own.identity.clone()));
    let fetched = own.fetched.borrow();
    mark("backup", "hidden", None);
    let Some(state) = fetched.chain.state() else { return to("none", "Backup: none") };
    if state.devices.contains_key(&own.identity.key) {
        to("device", "This is an added browser");
        return tell(
            "backup-says",
            "It was added by another browser of yours. If this one is lost, remove it there; nothing else is lost with it.",
        );
    }
    to("done", "Backup: recovery words");
    let since = fetched.told.iter().rev().find_map(|told| match &told.body {
        Body::Genesis { .. } | Body::RotatePrimary { .. } => Some(day(told.received_at)),
        _ => None,
    });
    let says = if state.rotation_keys.first() == Some(&own.identity.key) {
        "This browser's key has the highest rank itself: no recovery key stands above it.".to_owned()
    } else {
        format!(
            "Your 24 words can replace a lost or stolen browser, since {}. They get the identity back on any browser, also \
             from a thief, for 72 hours after the theft.",
            since.unwrap_or_default()
        )
    };
    tell("backup-says", &says);
}

/// Makes a recovery key for `identity` and shows its words. The keyboard stays where it is: at the end of registering it is
/// at what comes before the words.
pub(super) fn begin(identity: Identity) {
    listen();
    mark("backup", "hidden", None);
    // A second press would replace words that somebody may have begun to write down.
    mark("backup-make", "hidden", Some(""));
    FOR.set(Some(identity.clone()));
    spawn(async {
        match draft::make(identity).await {
            Ok(()) => show_words(),
            Err(trouble) => {
                to("none", "Backup: none");
                tell("backup-error", &trouble.advice());
            }
        }
    });
}

fn show_words() {
    if !STOPS.replace(true) {
        browser::on_leaving(|| draft::state().is_some_and(|state| state != Use::Active) && is_shown());
    }
    to("words", "Write these 24 words down");
    tell(
        "backup-says",
        "They are the one way back if this browser is lost or stolen. You see these words only while setting up; whoever \
         has them has your identity. On paper they are safe from hackers.",
    );
    draft::with(|draft| {
        tell("backup-sheet", &sheet::title(&draft.identity.handle, draft.made_at));
        let list = Zeroizing::new(draft.words.split(' ').map(|word| format!("<li>{word}</li>")).collect::<String>());
        draw("backup-list", &list);
    });
    show_use();
}

/// Says whether the words on the page count.
fn show_use() {
    let Some(state) = draft::state() else {
        mark("backup", "data-active", None);
        return tell("backup-active", "");
    };
    let (name, says) = match state {
        Use::Not => (
            "no",
            "Not active yet: these words do nothing so far. They begin to work when you save them, print them, or say that \
             you have written them down.",
        ),
        Use::Busy => ("busy", "Making the words work…"),
        Use::Active => ("yes", "Active: from now on these words get your identity back."),
    };
    mark("backup", "data-active", Some(name));
    tell("backup-active", says);
}

/// Puts the words to use, and says how that goes.
async fn activate() {
    let doing = draft::activate();
    let shown = async {
        browser::sleep(0).await;
        show_use();
    };
    spawn(shown);
    let done = doing.await;
    show_use();
    if let Err(trouble) = done {
        tell("backup-error", &format!("{} Your words are still good; try again.", trouble.advice()));
    }
}

/// Begins to put the words to use, and waits a while for it: what leaves the page says the truth of this moment.
async fn activated() {
    spawn(activate());
    // It begins when this gives way.
    browser::sleep(0).await;
    draft::settled(PATIENCE).await;
}

/// A file of the words, by way of the browser's downloads.
async fn save() {
    tell("backup-error", "");
    activated().await;
    let is_active = draft::state() == Some(Use::Active);
    let saved = draft::with(|draft| {
        browser::download(&format!("{}-recovery-words.txt", draft.identity.handle), &sheet::file(draft, is_active))
    });
    if saved == Some(false) {
        tell("backup-error", "This browser does not let the page save a file. Write the words down, or print them.");
    }
}

async fn print() {
    tell("backup-error", "");
    activated().await;
    browser::print();
}

fn ask() {
    to("check", "Type some of them back");
    tell("backup-says", "So that you know that what you wrote down can be read.");
    draw("backup-list", "");
    let fields = draft::with(|draft| {
        let field = |word: &usize| {
            let n = word + 1;
            format!(
                "<p><label for=\"backup-word-{n}\">Word {n}</label><input id=\"backup-word-{n}\" data-word=\"{n}\" type=\"text\" \
                 autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\"></p>"
            )
        };
        draft.asked.iter().map(field).collect::<String>()
    });
    draw("backup-fields", &fields.unwrap_or_default());
    focus("backup-title");
}

async fn finish() {
    let wrong = draft::with(|draft| {
        let words: Vec<&str> = draft.words.split(' ').collect();
        let is_wrong = |asked: &&usize| {
            let typed = Zeroizing::new(value_of(&format!("backup-word-{}", **asked + 1)));
            !is_word(&typed, words[**asked])
        };
        draft.asked.iter().find(is_wrong).copied()
    });
    match wrong {
        None => return,
        Some(None) => {}
        Some(Some(wrong)) => {
            let n = wrong + 1;
            tell("backup-error", &format!("Word {n} doesn't match. Look at what you wrote, or show the words again."));
            return focus(&format!("backup-word-{n}"));
        }
    }
    to("working", "Making the words work");
    let done = draft::activate().await;
    show_use();
    if let Err(trouble) = done {
        to("check", "Type some of them back");
        return tell("backup-error", &format!("{} Your words are still good; try again.", trouble.advice()));
    }
    let Some((identity, fetched)) = draft::take() else { return };
    show_use();
    draw("backup-fields", "");
    tell("backup-sheet", "");
    own::keep(identity, fetched).await;
    focus("backup-title");
}

fn to(state: &str, title: &str) {
    mark("backup", "data-state", Some(state));
    tell("backup-title", title);
    tell("backup-error", "");
    tell("backup-progress", if state == "working" { "Signing, and sending it to the server…" } else { "" });
    for (id, when) in [("backup-make", "none"), ("backup-words", "words"), ("backup-check", "check")] {
        mark(id, "hidden", (state != when).then_some(""));
    }
}
