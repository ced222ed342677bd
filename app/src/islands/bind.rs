//! Bindings of few types. What `view!` compiles to is generic over the closure of every binding; a closure behind a
//! `Signal` or a box has the type of all its kind, and their code is in the wasm once.

use leptos::prelude::*;
use web_sys::MouseEvent;

use super::var::Var;
use crate::components::escape;

/// What an element says, for its `inner_html`: any text. A text that changes is always written through its element and
/// never as a child of it, because whoever translates a page puts other nodes in the place of its texts, and what is
/// written to a text that is gone nobody sees.
pub(super) fn says(value: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(move || escape(&value()))
}

/// The same for one of a few texts.
pub(super) fn says_one(value: impl Fn() -> &'static str + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(move || escape(value()))
}

/// A text that changes, for an attribute or a property.
pub(super) fn text(value: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(value)
}

/// One of a few words, for an attribute.
pub(super) fn word(value: impl Fn() -> &'static str + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(move || value().to_owned())
}

/// An attribute that is there or not.
pub(super) fn flag(value: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    Signal::derive(value)
}

/// What a button does.
pub(super) fn act(mut action: impl FnMut() + Send + 'static) -> Box<dyn FnMut(MouseEvent) + Send> {
    Box::new(move |_| action())
}

/// What a field does with its text.
pub(super) fn typed(target: Var<String>) -> Box<dyn FnMut(web_sys::Event) + Send> {
    Box::new(move |event| target.set(event_target_value(&event)))
}

/// What is done once the page is alive, and again whenever a signal that it read has changed.
pub(super) fn effect(run: impl FnMut() + 'static) {
    let run: Box<dyn FnMut()> = Box::new(run);
    Effect::new(run);
}
