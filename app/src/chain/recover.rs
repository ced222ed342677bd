//! `/recover`: an identity is got back with its 24 words, on a browser that holds none, or that holds a key of that very
//! identity: then the new key takes its place here, too.
//!
//! For tests: `#recover` with `data-state` `loading`, `start`, `working`, `choose`, `done`, `held` (this browser holds an
//! identity whose key counts) or `error`; the form `#recover-form` with the fields `#recover-handle` and `#recover-words`,
//! button `Look at the identity`; `#recover-choices input` are the ways, each with `data-after` (the event after which
//! everything is undone; the last one's for nothing), button `Get it back`; button `Use its recovery words` where one is
//! held; `#recover-error` has `role=alert`, `#recover-note` says that a key here is out.

use std::cell::RefCell;

use kez_core::ServerName;
use kez_core::sigchain::RevokeReason;
use zeroize::Zeroizing;

use super::fetch::{Fetched, Trouble, proven};
use super::recovery_steps::{Plan, Way};
use super::standing;
use super::words;
use crate::api::Failure;
use crate::browser::{self, draw, focus, mark, put, tell, value_of};
use crate::components::day;
use crate::place::server_name;
use crate::task::spawn;
use crate::typed::handle_to_find;
use crate::vault::{self, Stage};

thread_local! {
    static PLAN: RefCell<Option<Plan>> = const { RefCell::new(None) };
}

/// Moves the page.
pub(super) fn run() {
    browser::on_submit("recover-form", || spawn(look()));
    browser::on_submit("recover-choose", || spawn(go()));
    browser::on_press("recover-held", |_| {
        to("start");
        focus("recover-words");
    });
    tell("recover-progress", "Looking…");
    spawn(async {
        let held = match vault::load().await {
            Ok(held) => held.filter(|identity| identity.stage != Stage::Joining),
            Err(fault) => return failed("start", fault.advice()),
        };
        let Some(identity) = held else { return to("start") };
        let counts = standing::counts_still(&identity).await;
        if identity.stage == Stage::Made && counts == Some(false) {
            return to("start");
        }
        put("recover-handle", identity.handle.as_str());
        tell("recover-holds", &format!("{}@{}", identity.handle, server_name()));
        if counts == Some(true) || identity.stage == Stage::Released {
            return to("held");
        }
        to("start");
        if counts == Some(false) {
            tell(
                "recover-note",
                "The key in this browser is out. Your words put a new one in its place, right here: nothing has to be \
                 removed first.",
            );
        }
    });
}

/// Whether what this browser holds may give way to a new key of the identity whose log this is. A key of that identity may,
/// and one that stands for nothing.
async fn may_give_way(fetched: &Fetched) -> Result<(), Trouble> {
    let Some(identity) = vault::load().await? else { return Ok(()) };
    let is_of_it = fetched.chain.id() == identity.chain || fetched.chain.had_primary(&identity.key);
    let gives_way = match identity.stage {
        Stage::Joining => true,
        Stage::Made => standing::counts_still(&identity).await == Some(false),
        Stage::Registered => is_of_it,
        Stage::Released => false,
    };
    if gives_way {
        return Ok(());
    }
    Err(Trouble::Odd(
        "This browser holds the key of another identity, and a browser keeps one. Use another browser or browser profile.",
    ))
}

/// Reads the words, and shows what they can do.
async fn look() {
    let handle = match handle_to_find(&value_of("recover-handle")) {
        Ok(handle) => handle,
        Err(why) => {
            focus("recover-handle");
            return failed("start", &why);
        }
    };
    to("working");
    tell("recover-progress", "Reading and verifying the log of keys…");
    let list = match words::fetch().await {
        Ok(list) => list,
        Err(trouble) => return failed("start", &trouble.advice()),
    };
    let recovery = match list.key(&Zeroizing::new(value_of("recover-words"))) {
        Ok(recovery) => recovery,
        Err(error) => {
            failed("start", &format!("Check your words: {error}."));
            return focus("recover-words");
        }
    };
    let looked = async {
        let server: ServerName = server_name().parse().map_err(|_| Failure::Odd)?;
        let (holder, fetched) = proven(&handle, &server).await?;
        may_give_way(&fetched).await?;
        // The answer to an earlier try was lost.
        if let Some(devices) = Plan::is_carried_out(&holder, &fetched).await? {
            return Ok(Err(devices));
        }
        Plan::new(handle.clone(), fetched, recovery).await.map(Ok)
    };
    match looked.await {
        Ok(Ok(plan)) => {
            show(&plan);
            PLAN.set(Some(plan));
        }
        Ok(Err(devices)) => done(devices),
        Err(trouble) => failed("start", &trouble.advice()),
    }
}

fn show(plan: &Plan) {
    let chosen = plan.suggestion();
    let ways = plan.ways.iter().enumerate().map(|(n, way)| {
        let Way { after, undone, since, .. } = way;
        let says = match undone {
            0 => "Keep all that happened, and change the key. The browser that was lost loses everything.".to_owned(),
            1 => format!("Undo the last event, of {}.", day(*since)),
            many => format!("Undo the last {many} events, since {}.", day(*since)),
        };
        let checked = if n == chosen { " checked" } else { "" };
        let story: String = way.story.iter().map(|line| format!("<li>{line}</li>")).collect();
        let story = if story.is_empty() { story } else { format!("<ul class=\"quiet\">{story}</ul>") };
        format!(
            "<li><label><input type=\"radio\" name=\"way\" id=\"way-{n}\" data-after=\"{after}\"{checked}> <span>{says}</span></label>{story}</li>"
        )
    });
    draw("recover-choices", &ways.collect::<String>());
    to("choose");
    tell("recover-title", &format!("What should happen to {}?", plan.handle));
    focus("recover-title");
}

async fn go() {
    let Some(plan) = PLAN.take() else { return };
    let chosen = (0..plan.ways.len()).find(|n| browser::is_checked(&format!("way-{n}"))).unwrap_or(0);
    to("working");
    tell("recover-progress", "Making a new key, signing, and telling the server…");
    match plan.carry_out(chosen, RevokeReason::Compromised).await {
        Ok(devices) => done(devices),
        Err(trouble) => failed("start", &format!("{} Nothing is lost: look at the identity again.", trouble.advice())),
    }
}

fn done(devices: usize) {
    put("recover-words", "");
    to("done");
    tell(
        "recover-devices",
        &match devices {
            0 => String::new(),
            1 => "One device is still on the list. If you do not know it, remove it there.".to_owned(),
            many => format!("{many} devices are still on the list. Remove those that you do not know."),
        },
    );
    focus("recover-title");
}

fn failed(state: &str, advice: &str) {
    to(state);
    mark("recover", "data-state", Some("error"));
    tell("recover-error", advice);
}

fn to(state: &str) {
    mark("recover", "data-state", Some(state));
    tell("recover-error", "");
    tell("recover-progress", "");
    tell("recover-note", "");
    for (id, when) in
        [("recover-form", "start"), ("recover-choose", "choose"), ("recover-done", "done"), ("recover-held", "held")]
    {
        mark(id, "hidden", (state != when).then_some(""));
    }
}
