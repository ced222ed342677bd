//! The command line.

mod broker;
mod chat;
mod sigchain;

use std::path::PathBuf;

use clap::{Args as ClapArgs, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use kez_core::ServerName;
use kez_core::text::is_hidden;

pub(crate) use self::broker::{BrokerArgs, HomeArgs, InboxCommand, NatsCommand};
pub(crate) use self::chat::ChatCommand;
pub(crate) use self::sigchain::{ClaimCommand, SigchainCommand, WhoseArgs};
use crate::server_url::ServerUrl;
use crate::system;

const EXAMPLES: &str = "\
Examples:
  kez key new                                       make a key
  kez register alice --server https://kez.example   take the handle alice@kez.example
  kez lookup alice@kez.example                      who is that? Checks the signature, not the server's word
  kez release                                       give the handle back
  curl -s https://kez.example/v1/u/alice/registration | kez verify
  echo '{\"b\":2,\"a\":1}' | kez canonicalize
  kez sigchain create --recovery-out words.txt      begin the log of one's keys, with a recovery key on paper
  kez sigchain show alice@kez.example               whose keys are those? Verified here, event by event
  kez inbox send bob                                ask bob, of the same server, to be in touch
  kez inbox watch                                   print the requests that arrive
  kez chat ask bob                                  ask bob to talk, end-to-end encrypted
  kez chat send bob 'Hello!'                        say something, once bob accepted
  kez chat watch                                    print what is said, a line a message

Results are one JSON document on stdout, or one a line. Problems are on stderr: {\"code\",\"title\",\"detail\"} on one
line, or a sentence when stderr is a terminal. Exit code: 0 success, 1 refused or failed, 2 bad usage.";

/// Keys, handles and signed envelopes of the KEZ protocol.
#[derive(Parser)]
#[command(name = "kez", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// From the command line and the environment. An empty variable is one that is not set.
    pub(crate) fn read() -> Result<Args, clap::Error> {
        Args::from_arg_matches(&without_empty_variables(Args::command()).try_get_matches()?)
    }
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    let unset = |arg: clap::Arg| {
        let is_empty = arg.get_env().is_some_and(system::is_set_to_nothing);
        if is_empty { arg.env(None::<&'static str>) } else { arg }
    };
    command.mut_args(unset).mut_subcommands(without_empty_variables)
}

/// Whether the error repeats an argument that could steer the terminal: scripts pass other people's words on.
pub(crate) fn hides(error: &clap::Error) -> bool {
    error.to_string().contains(|c| is_hidden(c) && c != '\n')
}

/// The error without the usage that follows it.
pub(crate) fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" ");
    format!("{}; kez --help tells more.", line.trim_start_matches("error: "))
}

/// Where the key is, and what opens it.
#[derive(ClapArgs)]
pub(crate) struct KeyArgs {
    /// The key file [default: kez/key.json in $XDG_CONFIG_HOME or ~/.config]
    #[arg(id = "key", long = "key", global = true, env = "KEZ_KEY", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// A file whose first line is the key's passphrase; or put the passphrase into KEZ_PASSPHRASE
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a key, or show which one there is
    #[command(subcommand)]
    Key(KeyCommand),
    /// Take a handle for the key
    Register {
        /// 3 to 32 of a-z, 0-9, _ and -, beginning with a letter or a digit
        handle: String,
        /// The server's address, for example https://kez.example
        #[arg(long, env = "KEZ_SERVER", value_name = "URL")]
        server: ServerUrl,
        /// The name to sign for, when it is not the host in the address
        #[arg(long, value_name = "NAME")]
        server_name: Option<ServerName>,
    },
    /// Give the key's handle back; nobody else can take it for the server's hold time, a year by default
    Release {
        /// The server's address; needed only when the registration was made elsewhere
        #[arg(long, env = "KEZ_SERVER", value_name = "URL")]
        server: Option<ServerUrl>,
        /// The name to sign for, when it is not the host in the address
        #[arg(long, value_name = "NAME")]
        server_name: Option<ServerName>,
    },
    /// Find a handle's key, and prove that this key signed for the handle
    Lookup {
        /// For example alice@kez.example
        #[arg(value_name = "HANDLE@SERVER")]
        name: String,
        /// Ask at this address instead of https://SERVER
        #[arg(long, value_name = "URL")]
        server: Option<ServerUrl>,
    },
    /// Verify any signed envelope
    Verify {
        /// The envelope's file; - is stdin
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Turn JSON on stdin into its canonical bytes (RFC 8785) on stdout
    Canonicalize,
    /// Log the key in at the home server's broker
    #[command(subcommand)]
    Nats(NatsCommand),
    /// Recovery, devices and rotation: the log of an identity's keys
    #[command(subcommand)]
    Sigchain(SigchainCommand),
    /// Send and read contact requests
    #[command(subcommand)]
    Inbox(InboxCommand),
    /// Talk, end-to-end encrypted; one state for each key file, in the folder `chat` beside it
    #[command(subcommand)]
    Chat(ChatCommand),
}

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; never overwrites one
    New,
    /// Show the public key; needs no passphrase
    Show,
}
