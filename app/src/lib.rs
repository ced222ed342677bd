//! The web pages of kez-chat.
//!
//! Pages are rendered on the server (feature `ssr`) and complete without JavaScript as far as they only show things.
//! What has to run in the browser is an island, compiled to wasm (feature `hydrate`): the handle search, registering,
//! proving a profile, asking its owner to be in touch, the identity that this browser holds, and copy buttons. Islands talk to the server through the
//! same JSON API as any script. Exactly one of the two features is on in a build that ships.

// A view's type nests as deep as its elements do.
#![recursion_limit = "256"]
#![allow(unreachable_pub, reason = "what `#[component]` and `#[island]` write is public whatever they are put on")]

mod api;
mod broker;
mod browser;
#[cfg_attr(feature = "ssr", allow(dead_code, reason = "runs in browsers only"))]
mod chain;
pub mod components;
mod contacts;
pub mod islands;
mod place;
mod task;
mod typed;
mod vault;

#[cfg(feature = "ssr")]
mod app;
#[cfg(feature = "ssr")]
pub mod backend;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
pub mod reply;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use app::App;
#[cfg(feature = "ssr")]
pub use shell::{Assets, shell};
