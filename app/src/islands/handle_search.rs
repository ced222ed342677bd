//! The handle search of the landing page. Without JavaScript it is a plain form that leads to `/register`.
//!
//! For tests: `form#search` with the field and the answer of [`super::handle_answer`], and the button `Claim it`, which
//! is enabled for a free name only.

use leptos::prelude::*;

use super::bind::{effect, flag};
use super::handle_answer::{Answer, HandleField, answer_for};
use super::var::Var;

/// One large field that answers while you type.
#[island]
pub fn HandleSearch() -> impl IntoView {
    let name = Var::new(String::new());
    let answer = answer_for(name);
    let alive = Var::new(false);
    effect(move || alive.set(true));
    view! {
        <form id="search" class="search" role="search" action="/register" method="get">
            <HandleField name answer />
            <button
                class="button"
                type="submit"
                disabled=flag(move || alive.get() && !answer.with(Answer::is_free))
            >
                "Claim it"
            </button>
        </form>
    }
}
