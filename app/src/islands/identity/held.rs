//! What this browser holds, as the parts of its page see it.

use leptos::prelude::*;

use super::super::bind::{says, text};
use super::super::var::Var;
use crate::browser;
use crate::vault::{Fault, Identity};

/// What is known of the vault.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Held {
    Loading,
    Nothing,
    Identity(Identity),
    Unavailable(Fault),
}

impl Held {
    pub(super) const fn state(&self) -> &'static str {
        match self {
            Held::Loading => "loading",
            Held::Nothing => "empty",
            Held::Identity(identity) => identity.stage.as_str(),
            Held::Unavailable(_) => "unavailable",
        }
    }

    pub(super) const fn identity(&self) -> Option<&Identity> {
        if let Held::Identity(identity) = self { Some(identity) } else { None }
    }
}

/// Something about the identity, or nothing where there is none.
pub(super) fn of(held: Var<Held>, what: impl Fn(&Identity) -> String + Send + Sync + 'static) -> Signal<String> {
    text(move || held.with(|held| held.identity().map(&what).unwrap_or_default()))
}

/// The same, for an element to say.
pub(super) fn said(held: Var<Held>, what: impl Fn(&Identity) -> String + Send + Sync + 'static) -> Signal<String> {
    says(move || held.with(|held| held.identity().map(&what).unwrap_or_default()))
}

/// Shows what is held from now on, and moves the keyboard to its title: the button that was pressed is gone with what
/// it was about.
pub(super) async fn show(held: Var<Held>, now_held: Held, title: &'static str) {
    held.set(now_held);
    browser::sleep(20).await;
    browser::focus(title);
}
