//! The pages, rendered on the server.

mod docs;
mod home;
mod identity;
mod messages;
mod missing;
mod profile;
mod register;

pub use docs::{Docs, Problem};
pub use home::Home;
pub use identity::Identity;
pub use missing::Missing;
pub use profile::Profile;
pub use register::Register;

use std::sync::Arc;

use leptos::prelude::expect_context;

use crate::backend::{Backend, Site};

/// The server's names.
fn site() -> Site {
    expect_context::<Arc<dyn Backend>>().site().clone()
}
