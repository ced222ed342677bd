//! One module a command.

mod canonicalize;
mod chat;
mod home;
mod inbox;
mod input;
mod key;
mod lookup;
mod nats;
mod place;
mod register;
mod release;
mod sigchain;
mod submit;
mod verify;

use std::process::ExitCode;

use crate::args::{Args, Command, KeyCommand, NatsCommand};
use crate::failure::Failure;

/// Runs the command. A result has been printed when this returns `Ok`; its code is a failure's only for an envelope
/// that was found to be invalid, which is a result too.
pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    let keys = &args.key;
    match args.command {
        Command::Key(KeyCommand::New) => key::new(keys)?,
        Command::Key(KeyCommand::Show) => key::show(keys)?,
        Command::Register { handle, server, server_name } => {
            register::run(keys, &handle, server, server_name.as_ref())?;
        }
        Command::Release { server, server_name } => release::run(keys, server, server_name.as_ref())?,
        Command::Lookup { name, server } => lookup::run(&name, server)?,
        Command::Verify { file } => return verify::run(&file),
        Command::Canonicalize => canonicalize::run()?,
        Command::Nats(NatsCommand::Sign { nonce, home }) => nats::sign(keys, &nonce, home)?,
        Command::Sigchain(command) => return sigchain::run(keys, command),
        Command::Inbox(command) => inbox::run(keys, command)?,
        Command::Chat(command) => chat::run(keys, command)?,
    }
    Ok(ExitCode::SUCCESS)
}
