//! The pages, rendered on the server.

mod about;
mod contacts;
mod docs;
mod home;
mod identity;
mod join;
mod missing;
mod own;
mod profile;
mod recover;
mod register;

pub use docs::{Docs, Problem};
pub use home::Home;
pub use identity::Identity;
pub use join::Join;
pub use missing::Missing;
pub use profile::Profile;
pub use recover::Recover;
pub use register::Register;

use std::sync::Arc;

use leptos::prelude::expect_context;

use crate::backend::{Backend, Site};

/// The server's names.
fn site() -> Site {
    expect_context::<Arc<dyn Backend>>().site().clone()
}
