//! What takes a key is a program of its own ([`crate::chain`] says how), which is loaded with the page that needs it.

use leptos::wasm_split::wasm_split;

use super::flow::Flow;
use super::step::Step;
use crate::chain::{NOT_LOADED, NotLoaded};
use crate::task::spawn;

/// What takes a key.
#[derive(Clone, Copy)]
pub(super) enum Act {
    /// To find out what this browser holds, and to go on where it was left.
    Resume,
    /// From the name to the signature: makes the key, unless there is one.
    Choose,
    /// Signs and sends, and tries again where that helps and is safe.
    Sign,
}

#[wasm_split(keys, wasm_split_path = ::leptos::wasm_split, fallible)]
fn act(flow: Flow, what: Act) -> Result<(), NotLoaded> {
    match what {
        Act::Resume => flow.resume(),
        Act::Choose => flow.choose(),
        Act::Sign => flow.sign(),
    }
    Ok(())
}

impl Flow {
    /// Finds out what this browser holds; again, after it could not be found out.
    pub(super) fn begin(self) {
        self.trouble.set(String::new());
        if self.step.get_untracked() == Step::Broken {
            self.step.set(Step::Name);
        }
        self.act(Act::Resume);
    }

    /// Does one of the things that take a key.
    pub(super) fn act(self, what: Act) {
        spawn(async move {
            if act(self, what).await.is_err() {
                self.trouble.set(NOT_LOADED.to_owned());
            }
        });
    }
}
