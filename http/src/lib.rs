//! What the kez servers share below their APIs: the wire (connections and their orderly end, problems, bodies, conditional
//! requests, whose address a request is from), limits by client, bearer tokens, what their command lines, their logs
//! and their OpenAPI documents have in common, signals and the clock.

pub mod bearer;
pub mod body;
pub mod client;
pub mod clock;
pub mod conditional;
pub mod cors;
pub mod guard;
pub mod head;
pub mod health;
pub mod limit;
pub mod log;
pub mod openapi;
pub mod problem;
pub mod proxy;
pub mod serve;
pub mod settings;
pub mod signals;
