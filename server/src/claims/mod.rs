//! Claims of identities: what their chains say, and what came of looking at the proofs.
//!
//! Whoever asks gets what is known; a claim that was not looked at lately is looked at afterwards.

mod address;
mod board;
mod check;
pub mod dns;
mod fetch;
mod outside;
mod queue;
mod source;
mod trouble;

use kez_core::claim::Evidence;
use kez_core::sigchain::Claim;
use kez_core::{Hash, KeyId, Timestamp};
use kez_http::client::Client;
use kez_http::openapi;
use serde::Serialize;
use utoipa::ToSchema;

use crate::refused::Refused;
pub use address::is_public;
pub(crate) use board::Board;
pub use outside::{Outside, tls};
use queue::{Job, Network};
pub(crate) use source::Source;

/// What is known of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ClaimState)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The proof was there when it was looked at.
    Proven,
    /// What was there proves nothing.
    Failed,
    /// Nothing could be read.
    Unreachable,
    /// Nobody has looked within the last day.
    Unchecked,
    /// This claim cannot be checked here.
    Unsupported,
}

/// What came of looking at a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What is known now.
    pub state: State,
    /// Why it is not proven: one of a few sentences, which tell nothing about the network that this server is in.
    pub detail: Option<&'static str>,
}

/// A claim with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CheckedClaim)]
pub(crate) struct Shown {
    /// The claim's id, which is that of the event that made it.
    #[schema(value_type = openapi::Hash)]
    id: Hash,
    /// The kind of claim: `dns`, `https`, `github`, or another that is not checked here.
    #[schema(example = "dns")]
    r#type: String,
    /// What is claimed.
    #[schema(example = "example.org")]
    subject: String,
    /// Where the proof is, by the claim's own word.
    #[schema(example = "dns:_kez.example.org?type=TXT")]
    proof: String,
    /// What this server knows of it.
    state: State,
    /// When it looked last; null when it did not within the last day.
    #[schema(value_type = Option<openapi::Time>)]
    checked_at: Option<Timestamp>,
    /// Why it is not proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    detail: Option<String>,
    /// Where anybody can look without this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    link: Option<String>,
}

/// The claims of this server's identities.
pub(crate) struct Claims {
    source: Source,
    board: Board,
}

impl Claims {
    pub(crate) fn new(source: Source, board: Board) -> Claims {
        Claims { source, board }
    }

    /// The claims of a chain, by their ids, for this client.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub(crate) async fn of(&self, chain: &KeyId, client: Client) -> Result<Vec<Shown>, Refused> {
        let (from, claims) = (Network::of(client), self.source.claims(chain).await?);
        Ok(claims.into_iter().map(|(id, claim)| self.shown(from, chain, id, claim)).collect())
    }

    fn shown(&self, from: Network, chain: &KeyId, id: Hash, claim: Claim) -> Shown {
        let evidence = Evidence::of(&claim);
        let link = evidence.as_ref().ok().map(Evidence::link);
        let (state, checked_at, detail) = match evidence {
            Err(why) => (State::Unsupported, None, Some(why.to_string())),
            Ok(evidence) => match self.board.ask(from, Job { id, chain: *chain, evidence }) {
                None => (State::Unchecked, None, None),
                Some((at, Verdict { state, detail })) => (state, Some(at), detail.map(str::to_owned)),
            },
        };
        let Claim { r#type, subject, proof } = claim;
        Shown { id, r#type, subject, proof, state, checked_at, detail, link }
    }
}
