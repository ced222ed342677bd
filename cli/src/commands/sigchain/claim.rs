//! Claims: saying that the identity also controls a domain, a host or an account, and what proves it.

use kez_core::claim::{Domain, Evidence, GithubUser, Host, Kind, NotCheckable, proof_text};
use kez_core::sigchain::{Body, Claim};
use kez_core::{Hash, KeyId, Record};
use serde::Serialize;

use super::{Mine, at_home};
use crate::args::{ClaimCommand, HomeArgs, KeyArgs};
use crate::failure::{Failure, Local};
use crate::output;

/// What to publish, and where.
#[derive(Serialize)]
struct Text<'a> {
    r#type: &'static str,
    subject: &'a str,
    chain: KeyId,
    /// Where it belongs, in words.
    publish: String,
    text: String,
}

/// Runs one of them.
pub(super) fn run(keys: &KeyArgs, command: ClaimCommand) -> Result<(), Failure> {
    match command {
        ClaimCommand::Text { kind, subject, home } => text(keys, kind, &subject, home),
        ClaimCommand::Add { kind, subject, proof, home } => add(keys, kind, subject, proof, home),
        ClaimCommand::Remove { id, home } => remove(keys, id, home),
    }
}

/// Prints what proves the claim once it is published.
fn text(keys: &KeyArgs, kind: Kind, subject: &str, home: HomeArgs) -> Result<(), Failure> {
    let publish = place(kind, subject).map_err(wrong)?;
    let (_, _, Record { chain, .. }) = at_home(keys, home)?;
    output::json(&Text { r#type: kind.as_str(), subject, chain, publish, text: proof_text(kind, &chain) })
}

fn place(kind: Kind, subject: &str) -> Result<String, NotCheckable> {
    Ok(match kind {
        Kind::Dns => format!("a TXT record at {}", subject.parse::<Domain>()?.record()),
        Kind::Https => format!("the document {}", subject.parse::<Host>()?.document()),
        Kind::Github => format!("a public gist of {}, on a line of its own", subject.parse::<GithubUser>()?),
    })
}

/// Signs the claim, whose id is the `hash` that is printed.
fn add(keys: &KeyArgs, kind: Kind, subject: String, proof: Option<String>, home: HomeArgs) -> Result<(), Failure> {
    if proof.is_some() && kind != Kind::Github {
        return Err(Failure::new(
            Local::Usage,
            "Only a github claim takes --proof: the others' subjects say where it is.",
        ));
    }
    let proof = proof.unwrap_or_default();
    let claim = Claim { r#type: kind.as_str().to_owned(), subject, proof };
    let proof = Evidence::of(&claim).map_err(wrong)?.proof();
    let mut mine = Mine::open(keys, home)?;
    mine.state()?;
    mine.add(&Body::ClaimAdd { claim: Claim { proof, ..claim } })
}

fn remove(keys: &KeyArgs, id: Hash, home: HomeArgs) -> Result<(), Failure> {
    let mut mine = Mine::open(keys, home)?;
    mine.state()?;
    mine.add(&Body::ClaimRemove { claim: id })
}

fn wrong(why: NotCheckable) -> Failure {
    Failure::new(Local::ClaimWrong, why.to_string())
}
