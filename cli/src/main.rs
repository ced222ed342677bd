//! `kez`: keys, handles and envelopes of the KEZ protocol on the command line, for scripts.
//!
//! One JSON document on stdout, problems on stderr (see [`output`]). Exit code 0 only on success, 1 when an operation
//! was refused or failed, 2 for a command line that cannot be read.

mod args;
mod broker;
mod chain;
mod client;
mod clock;
mod commands;
mod failure;
mod holding;
mod keyfile;
mod output;
mod passphrase;
mod server_url;
mod system;

use std::process::ExitCode;

use failure::{Failure, Local};

fn main() -> ExitCode {
    let args = match args::Args::read() {
        Ok(args) => args,
        // Help and version, as asked for; and at a terminal, an error with what would have been right.
        Err(asked) if !asked.use_stderr() || (output::is_read_by_a_person() && !args::hides(&asked)) => asked.exit(),
        Err(error) => {
            output::failure(&Failure::new(Local::Usage, args::in_one_line(&error)));
            return ExitCode::from(2);
        }
    };
    commands::run(args).unwrap_or_else(|failure| {
        output::failure(&failure);
        ExitCode::FAILURE
    })
}
