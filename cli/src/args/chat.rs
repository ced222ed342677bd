//! The command line of conversations.

use clap::Subcommand;
use kez_conversation::MAX_TEXT;

use super::BrokerArgs;

#[derive(Subcommand)]
pub(crate) enum ChatCommand {
    /// Show the conversations, the newest first
    List {
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Ask somebody to talk; they accept or they do not
    Ask {
        /// A handle on the key's home server
        #[arg(value_name = "HANDLE[@SERVER]")]
        with: String,
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Talk to somebody who asked
    Accept {
        /// A handle on the key's home server
        #[arg(value_name = "HANDLE[@SERVER]")]
        with: String,
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Say something, and wait until it is in the mailboxes of all devices, or as long as --timeout says
    Send {
        /// A handle on the key's home server
        #[arg(value_name = "HANDLE[@SERVER]")]
        with: String,
        /// 1 to 8,000 characters; - is stdin
        #[arg(allow_hyphen_values = true, value_parser = text)]
        text: String,
        /// Seconds to wait; what is not in a mailbox then is sent when kez runs the next time
        #[arg(long, value_name = "SECS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=86_400))]
        timeout: u64,
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Print what is said, one JSON document a line, each once; other kez commands work meanwhile
    Watch {
        /// Only what is said with this one
        #[arg(value_name = "HANDLE[@SERVER]")]
        with: Option<String>,
        /// End after this many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        count: Option<u64>,
        /// End after this many seconds; with --count, fewer than that many is a failure
        #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
        timeout: Option<u64>,
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Print the texts of a conversation as they are now, the oldest first
    History {
        /// A handle on the key's home server
        #[arg(value_name = "HANDLE[@SERVER]")]
        with: String,
        /// The newest so many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Print everything that was said in a conversation, as it came
    Export {
        /// A handle on the key's home server
        #[arg(value_name = "HANDLE[@SERVER]")]
        with: String,
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Show key packages, conversations, and what is stuck and why
    Status {
        #[command(flatten)]
        broker: BrokerArgs,
    },
}

impl ChatCommand {
    /// Where the broker is, which every command says.
    pub(crate) fn broker(&self) -> BrokerArgs {
        match self {
            ChatCommand::List { broker }
            | ChatCommand::Ask { broker, .. }
            | ChatCommand::Accept { broker, .. }
            | ChatCommand::Send { broker, .. }
            | ChatCommand::Watch { broker, .. }
            | ChatCommand::History { broker, .. }
            | ChatCommand::Export { broker, .. }
            | ChatCommand::Status { broker } => broker.clone(),
        }
    }
}

fn text(text: &str) -> Result<String, String> {
    if (1..=MAX_TEXT).contains(&text.chars().count()) {
        return Ok(text.to_owned());
    }
    Err(format!("a text has 1 to {MAX_TEXT} characters"))
}
