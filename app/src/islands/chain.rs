//! The pages that are all about a chain. What runs on them is loaded with them, and only there.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser::tell;
use crate::chain::{self, NOT_LOADED};

/// Moves `/join`.
#[island]
pub fn JoinPanel() -> impl IntoView {
    Effect::new(|_| {
        spawn_local(async {
            if chain::join().await.is_err() {
                tell("join-error", NOT_LOADED);
            }
        });
    });
}

/// Moves `/recover`.
#[island]
pub fn RecoverPanel() -> impl IntoView {
    Effect::new(|_| {
        spawn_local(async {
            if chain::recover().await.is_err() {
                tell("recover-error", NOT_LOADED);
            }
        });
    });
}
