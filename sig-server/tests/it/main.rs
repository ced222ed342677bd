//! Whole-system tests: a real listener, a real HTTP client, a real database.

mod append;
mod bad_input;
mod checkpoints;
mod conformance;
mod damage;
mod database;
mod export;
mod gate;
mod harness;
mod http_rules;
mod import;
mod limits;
mod loads;
mod news;
mod owner;
mod program;
mod races;
mod reading;
mod recovery;
