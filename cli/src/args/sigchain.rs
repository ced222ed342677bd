//! The command line of what has to do with sigchains.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use kez_core::claim::Kind;
use kez_core::sigchain::RevokeReason;
use kez_core::{Hash, KeyId};

use super::HomeArgs;
use crate::server_url::ServerUrl;

/// Whose chain it is.
#[derive(ClapArgs)]
pub(crate) struct WhoseArgs {
    /// For example alice@kez.example [default: the key's own]
    #[arg(value_name = "HANDLE@SERVER")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

#[derive(Subcommand)]
pub(crate) enum SigchainCommand {
    /// Begin the chain of the key's handle, with a recovery key that ranks above it
    Create {
        /// A new file for the recovery key's 24 words; print it, and keep it away from this machine
        #[arg(long, value_name = "FILE", required_unless_present = "recovery_key", conflicts_with = "recovery_key")]
        recovery_out: Option<PathBuf>,
        /// A recovery key that is kept elsewhere
        #[arg(long, value_name = "KEY")]
        recovery_key: Option<KeyId>,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// On a new device: offer its key to an identity, as JSON for `kez sigchain add-device`
    Offer {
        /// The identity that it is to be a device of
        #[arg(value_name = "HANDLE@SERVER")]
        name: String,
        /// Ask at this address instead of https://SERVER
        #[arg(long, env = "KEZ_SERVER", value_name = "URL")]
        server: Option<ServerUrl>,
    },
    /// Add the device that made an offer
    AddDevice {
        /// The offer's file; - is stdin
        #[arg(default_value = "-")]
        offer: PathBuf,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Take a device's role away, for good; it loses the broker at once
    Revoke {
        /// The device's key
        #[arg(value_name = "KEY")]
        device: KeyId,
        /// lost, compromised or retired
        #[arg(long, value_parser = reason, value_name = "WHY")]
        reason: RevokeReason,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Make another key the primary; the other rotation keys stay
    Rotate {
        /// The key file of the new primary; `kez key new --key FILE` makes one
        #[arg(long, value_name = "FILE")]
        new_key: PathBuf,
        /// A rotation key to leave out, besides the old primary; may be given again
        #[arg(long, value_name = "KEY")]
        drop: Vec<KeyId>,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Take an identity back with its recovery key
    Recover {
        /// The identity
        #[arg(value_name = "HANDLE@SERVER")]
        name: String,
        /// The file with the recovery key's 24 words; - is stdin
        #[arg(long, value_name = "FILE")]
        words: PathBuf,
        /// The key file of the new primary; `kez key new --key FILE` makes one
        #[arg(long, value_name = "FILE")]
        new_key: PathBuf,
        /// Displace everything behind this event, within 72 hours; without it nothing is undone
        #[arg(long, value_name = "SEQ")]
        after: Option<u64>,
        /// Ask at this address instead of https://SERVER
        #[arg(long, env = "KEZ_SERVER", value_name = "URL")]
        server: Option<ServerUrl>,
    },
    /// End the identity: its chain takes nothing more, and the broker lets none of its keys in. The handle stays its own;
    /// for 72 hours a higher key can undo it with `recover --after`
    Deactivate {
        /// Why, for everybody to read
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Say that the identity also controls a domain, a web host or a GitHub account
    #[command(subcommand)]
    Claim(ClaimCommand),
    /// Show what a chain comes to, verified here
    Show(WhoseArgs),
    /// Print a chain's audit log, verified here, as `kez verify` takes it
    Audit(WhoseArgs),
    /// Say whether a chain verifies, as `kez verify` does
    Verify(WhoseArgs),
}

#[derive(Subcommand)]
pub(crate) enum ClaimCommand {
    /// Print what to publish, and where, before the claim is added
    Text {
        /// dns, https or github
        #[arg(value_parser = kind, value_name = "TYPE")]
        kind: Kind,
        /// The domain, the host or the user name
        subject: String,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Add a claim; servers look for its proof, and anybody can. Its id is the `hash` that is printed
    Add {
        /// dns, https or github
        #[arg(value_parser = kind, value_name = "TYPE")]
        kind: Kind,
        /// The domain, the host or the user name
        subject: String,
        /// The gist's address, https://gist.github.com/USER/ID
        #[arg(long, value_name = "URL", required_if_eq("kind", "github"))]
        proof: Option<String>,
        #[command(flatten)]
        home: HomeArgs,
    },
    /// Take a claim back
    Remove {
        /// The claim's id, as `kez sigchain show` lists it
        #[arg(value_name = "ID")]
        id: Hash,
        #[command(flatten)]
        home: HomeArgs,
    },
}

fn kind(text: &str) -> Result<Kind, String> {
    text.parse().map_err(|_| "a claim is dns, https or github".to_owned())
}

fn reason(text: &str) -> Result<RevokeReason, String> {
    let known = RevokeReason::ALL.into_iter().find(|reason| reason.as_str() == text);
    known.ok_or_else(|| "a device is lost, compromised or retired".to_owned())
}
