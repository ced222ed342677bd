//! `kez`: keys, handles and envelopes of the KEZ protocol on the command line, for scripts.
//!
//! One JSON document on stdout, problems on stderr (see [`output`]). Exit code 0 only on success, 1 when an operation
//! was refused or failed, 2 for a command line that cannot be read.

mod args;
mod client;
mod commands;
mod failure;
mod identity;
mod keyfile;
mod output;
mod passphrase;
mod server_url;
mod system;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    commands::run(args::Args::parse()).unwrap_or_else(|failure| {
        output::failure(&failure);
        ExitCode::FAILURE
    })
}
