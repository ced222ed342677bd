//! Recovery words: made here, shown once, typed back, and put above the identity's key by the first event of its chain.
//!
//! For tests: `#backup` with `data-state` `none` (there is no chain yet), `words` (they are shown), `check` (some are typed
//! back), `working`, `done` (a recovery key ranks above this browser's) or `device`; words are `#backup-list > li`, fields
//! `#backup-fields input` with `data-word` (from 1); buttons `Make recovery words`, `Save as a file`, `Print`,
//! `I have written them down`, `Check and finish`, `Show the words again`; `#backup-error` has `role=alert`.

use std::cell::{Cell, RefCell};

use kez_core::recovery::{is_word, sheet};
use kez_core::sigchain::Body;
use kez_core::{KeyId, SigningKey};
use zeroize::Zeroizing;

use super::fetch::{Fetched, Trouble, holder_of};
use super::follow::{self, Own};
use super::words;
use crate::api::Failure;
use crate::browser::{self, draw, focus, mark, tell, value_of};
use crate::components::day;
use crate::place::server_name;
use crate::task::spawn;
use crate::vault::{self, Identity};

/// How many words are typed back.
const ASKED: usize = 3;

/// Words that were shown and are not in use yet.
struct Draft {
    identity: Identity,
    recovery: KeyId,
    words: Zeroizing<String>,
    /// Which words are asked for, from 0 and in order.
    asked: [usize; ASKED],
}

thread_local! {
    /// Whose backup the page is about.
    static FOR: RefCell<Option<Identity>> = const { RefCell::new(None) };
    static DRAFT: RefCell<Option<Draft>> = const { RefCell::new(None) };
    static LISTENS: Cell<bool> = const { Cell::new(false) };
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
        Some("save") => DRAFT.with_borrow(|draft| {
            if let Some(draft) = draft {
                save(draft);
            }
        }),
        Some("print") => browser::print(),
        Some("written") => ask(),
        Some("again") => {
            show_words();
            focus("backup-title");
        }
        _ => {}
    });
    browser::on_submit("backup-check", || spawn(finish()));
}

/// Shows how an identity is backed up.
pub(super) fn show(own: &Own) {
    FOR.set(Some(own.identity.clone()));
    let fetched = own.fetched.borrow();
    mark("backup", "hidden", None);
    let Some(state) = fetched.chain.state() else { return to("none", "Backup: none") };
    if state.devices.contains_key(&own.identity.key) {
        to("device", "This browser is a device");
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
            "A recovery key ranks above the key in this browser, since {}. Its 24 words get the identity back on any \
             browser, also from a thief, for 72 hours after the theft.",
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
        match draft(identity).await {
            Ok(draft) => {
                DRAFT.set(Some(draft));
                show_words();
            }
            Err(trouble) => {
                to("none", "Backup: none");
                tell("backup-error", &trouble.advice());
            }
        }
    });
}

async fn draft(identity: Identity) -> Result<Draft, Trouble> {
    let list = words::fetch().await?;
    let key = SigningKey::from_seed(&*vault::random()?);
    let mut asked = [0; ASKED];
    let chance = vault::random::<ASKED>()?;
    // One of each third, so that they are never the same.
    for (n, asked) in asked.iter_mut().enumerate() {
        *asked = n * 8 + usize::from(chance[n] % 8);
    }
    Ok(Draft { identity, recovery: key.id(), words: list.of(&key), asked })
}

fn show_words() {
    to("words", "Write these 24 words down");
    tell(
        "backup-says",
        "They are the one way back if this browser is lost or stolen. They are shown now and never again; whoever has \
         them has your identity. On paper they are out of every computer's reach.",
    );
    DRAFT.with_borrow(|draft| {
        let words = draft.as_ref().map(|draft| &**draft.words).unwrap_or_default();
        let list = Zeroizing::new(words.split(' ').map(|word| format!("<li>{word}</li>")).collect::<String>());
        draw("backup-list", &list);
    });
}

fn ask() {
    to("check", "Type some of them back");
    tell("backup-says", "So that you know that what you wrote down can be read.");
    draw("backup-list", "");
    let fields = DRAFT.with_borrow(|draft| {
        let field = |word: &usize| {
            let n = word + 1;
            format!(
                "<p><label for=\"backup-word-{n}\">Word {n}</label><input id=\"backup-word-{n}\" data-word=\"{n}\" type=\"text\" \
                 autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\"></p>"
            )
        };
        draft.iter().flat_map(|draft| draft.asked.iter().map(field)).collect::<String>()
    });
    draw("backup-fields", &fields);
    focus("backup-title");
}

async fn finish() {
    let Some((identity, recovery, wrong)) = DRAFT.with_borrow(|draft| {
        let draft = draft.as_ref()?;
        let words: Vec<&str> = draft.words.split(' ').collect();
        let is_wrong = |asked: &&usize| {
            let typed = Zeroizing::new(value_of(&format!("backup-word-{}", **asked + 1)));
            !is_word(&typed, words[**asked])
        };
        Some((draft.identity.clone(), draft.recovery, draft.asked.iter().find(is_wrong).copied()))
    }) else {
        return;
    };
    if let Some(wrong) = wrong {
        tell(
            "backup-error",
            &format!("Word {} is another one. Look at what you wrote, or show the words again.", wrong + 1),
        );
        return focus(&format!("backup-word-{}", wrong + 1));
    }
    to("working", "Putting your recovery key above this browser's");
    match put_above(&identity, recovery).await {
        Ok(fetched) => {
            DRAFT.set(None);
            draw("backup-fields", "");
            follow::display(identity, fetched).await;
            focus("backup-title");
        }
        Err(trouble) => {
            to("check", "Type some of them back");
            tell("backup-error", &format!("{} Your words are still good; try again.", trouble.advice()));
        }
    }
}

/// Begins the chain of `identity`, with the recovery key above its own.
async fn put_above(identity: &Identity, recovery: KeyId) -> Result<Fetched, Trouble> {
    let holder = holder_of(&identity.key).await?.ok_or(Trouble::Odd("This key holds no handle here any more."))?;
    let mut fetched = Fetched::of(&holder).await?;
    if let Some(state) = fetched.chain.state() {
        // The answer to an earlier try was lost.
        let is_done = state.rotation_keys.contains(&recovery);
        return if is_done {
            Ok(fetched)
        } else {
            Err(Trouble::Odd("Another tab began the log of keys. Load the page again."))
        };
    }
    let server = server_name().parse().map_err(|_| Failure::Odd)?;
    let body = Body::Genesis { primary: identity.key, rotation_keys: vec![recovery, identity.key], server };
    let secret = vault::open(&identity.key).await?;
    fetched.sign(&body, &secret).await?;
    Ok(fetched)
}

/// A file of the words, by way of the browser's downloads.
fn save(draft: &Draft) {
    let name = format!("{}@{}", draft.identity.handle, server_name());
    let text = sheet(&draft.words, Some(&name));
    if !browser::download(&format!("{}-recovery-words.txt", draft.identity.handle), &text) {
        tell("backup-error", "This browser does not let the page save a file. Write the words down, or print them.");
    }
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
