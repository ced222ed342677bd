//! The whole server, from outside: a real listener, a real HTTP client, a real SQLite file.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that meets the unexpected fails")]

mod attack;
mod bad_input;
mod chains;
mod claims;
mod conditional;
mod conformance;
mod conversations;
mod database;
mod durability;
mod harness;
mod healthcheck;
mod http_rules;
mod init;
mod instances;
mod keypackages;
mod mail;
mod nats;
mod pages;
mod pairings;
mod program;
mod races;
mod registration;
mod release;
mod trouble;
mod webfinger;
