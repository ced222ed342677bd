//! The pages that are all about a chain. What runs on them is loaded with them, and only there.

use leptos::prelude::*;

use super::bind::effect;
use crate::browser::tell;
use crate::chain::{self, NOT_LOADED};
use crate::task::spawn;

/// Moves `/join`.
#[island]
pub fn JoinPanel() -> impl IntoView {
    effect(|| {
        spawn(async {
            if chain::join().await.is_err() {
                tell("join-error", NOT_LOADED);
            }
        });
    });
}

/// Moves `/recover`.
#[island]
pub fn RecoverPanel() -> impl IntoView {
    effect(|| {
        spawn(async {
            if chain::recover().await.is_err() {
                tell("recover-error", NOT_LOADED);
            }
        });
    });
}
