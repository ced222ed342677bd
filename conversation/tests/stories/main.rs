//! What went wrong once, each as a short story: devices, a home server and a broker, and time that passes when it is told to.

#![allow(dead_code, clippy::print_stdout, reason = "the simulator's server can do more; and a test says a figure")]

#[path = "../simulator/world/rng.rs"]
mod rng;
#[path = "../simulator/world/server.rs"]
mod server;
mod world;

mod contacts;
mod restored;
mod siblings;
mod size;
mod stale;
