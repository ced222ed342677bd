//! The command line of what has to do with the broker.

use clap::{Args as ClapArgs, Subcommand};
use kez_core::ServerName;

use crate::broker::BrokerUrl;
use crate::server_url::ServerUrl;

/// The key's home server.
#[derive(Clone, ClapArgs)]
pub(crate) struct HomeArgs {
    /// The server's address; needed only when the registration was made elsewhere
    #[arg(long, env = "KEZ_SERVER", value_name = "URL")]
    pub(crate) server: Option<ServerUrl>,
    /// The name to sign for, when it is not the host in the address
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<ServerName>,
}

/// The key's home server and its broker.
#[derive(Clone, ClapArgs)]
pub(crate) struct BrokerArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    /// The broker's address: nats://, tls://, ws:// or wss:// [default: the one that the server tells]
    #[arg(long, env = "KEZ_NATS_URL", value_name = "URL")]
    pub(crate) nats_url: Option<BrokerUrl>,
}

#[derive(Subcommand)]
pub(crate) enum NatsCommand {
    /// Answer a broker's nonce: prints `nkey` and `sig`, which log the key in with any NATS client
    Sign {
        /// As the broker sends it: 15 of A-Z, a-z, 0-9, - and _. Signed with the server's name, never bare
        #[arg(allow_hyphen_values = true)]
        nonce: String,
        #[command(flatten)]
        home: HomeArgs,
    },
}

#[derive(Subcommand)]
pub(crate) enum InboxCommand {
    /// Print the contact requests that arrive, verified, one JSON document a line; then take them out of the inbox
    Watch {
        #[command(flatten)]
        broker: BrokerArgs,
        /// End after this many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
        /// End after this many seconds; with --count, fewer than that many is a failure
        #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
        timeout: Option<u64>,
        /// Leave them in the inbox, where they are delivered again after a while
        #[arg(long)]
        no_ack: bool,
    },
    /// Ask somebody to be in touch; they read it when they are there
    Send {
        /// A handle on the key's home server
        #[arg(value_name = "HANDLE[@SERVER]")]
        to: String,
        #[command(flatten)]
        broker: BrokerArgs,
    },
}
