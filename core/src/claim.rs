//! Claims that can be checked: that an identity also controls a domain, a web host or a GitHub account.
//!
//! proof = a short text that names the chain, at a place that only the subject's owner can write to. [`Evidence::of`]
//! says where that place is, [`proof_text`] what belongs there, [`Evidence::proves`] whether what was found there does.

mod judge;
mod subject;

use std::str::FromStr;

use crate::sigchain::Claim;

pub use judge::proof_text;
pub use subject::{Domain, Gist, GithubUser, Host};

/// The path of the document that speaks for a host (RFC 8615).
pub const WELL_KNOWN: &str = "/.well-known/kez.json";

/// The claims that can be checked, by their `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A domain: a TXT record at `_kez.<domain>`.
    Dns,
    /// A web host: a document at `/.well-known/kez.json`.
    Https,
    /// A GitHub account: a public gist of that user.
    Github,
}

/// Where a claim's proof is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A TXT record below this domain.
    Txt(Domain),
    /// The document of this host.
    Document(Host),
    /// The text of this gist.
    Gist(Gist),
}

/// Why a claim cannot be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCheckable {
    /// A type that is not known here.
    #[error("Claims of this type cannot be checked here.")]
    UnknownType,
    /// No domain in the one spelling that is taken.
    #[error("A domain is written in lower-case ASCII with at least two labels, such as example.org.")]
    BadDomain,
    /// No host in the one spelling that is taken.
    #[error("A host is a lower-case domain name, with a port only when that is not 443; an address is none.")]
    BadHost,
    /// No name that a GitHub account can have.
    #[error("A GitHub user name has 1 to 39 letters, digits and single inner hyphens.")]
    BadUser,
    /// The proof is no gist of the user.
    #[error("The proof is the address of a gist of that user: https://gist.github.com/<user>/<id>.")]
    BadGist,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Dns, Kind::Https, Kind::Github];

    /// The claim's `type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Dns => "dns",
            Kind::Https => "https",
            Kind::Github => "github",
        }
    }

    /// Holds a subject against this type's rule.
    ///
    /// # Errors
    /// [`NotCheckable`].
    pub fn check_subject(self, subject: &str) -> Result<(), NotCheckable> {
        match self {
            Kind::Dns => subject.parse::<Domain>().map(drop),
            Kind::Https => subject.parse::<Host>().map(drop),
            Kind::Github => subject.parse::<GithubUser>().map(drop),
        }
    }
}

impl FromStr for Kind {
    type Err = NotCheckable;

    fn from_str(text: &str) -> Result<Self, NotCheckable> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(NotCheckable::UnknownType)
    }
}

impl Evidence {
    /// Where the proof of `claim` is. Of domains and hosts, that follows from the subject and `proof` is not read.
    ///
    /// # Errors
    /// [`NotCheckable`].
    pub fn of(claim: &Claim) -> Result<Evidence, NotCheckable> {
        match claim.r#type.parse()? {
            Kind::Dns => claim.subject.parse().map(Evidence::Txt),
            Kind::Https => claim.subject.parse().map(Evidence::Document),
            Kind::Github => Gist::of(claim.subject.parse()?, &claim.proof).map(Evidence::Gist),
        }
    }

    /// What a claim's `proof` says: where a reader finds the proof.
    #[must_use]
    pub fn proof(&self) -> String {
        match self {
            // RFC 4501
            Evidence::Txt(domain) => format!("dns:{}?type=TXT", domain.record()),
            Evidence::Document(host) => host.document(),
            Evidence::Gist(gist) => gist.page(),
        }
    }

    /// A page on which a reader sees the proof without trusting this program: the document, the gist, or what a public
    /// resolver says of the record.
    #[must_use]
    pub fn link(&self) -> String {
        match self {
            Evidence::Txt(domain) => format!("https://dns.google/resolve?name={}&type=TXT", domain.record()),
            Evidence::Document(_) | Evidence::Gist(_) => self.proof(),
        }
    }

    /// The command with which a reader sees the proof.
    #[must_use]
    pub fn command(&self) -> String {
        match self {
            Evidence::Txt(domain) => format!("dig +short TXT {}", domain.record()),
            Evidence::Document(host) => format!("curl -sSL {}", host.document()),
            Evidence::Gist(gist) => format!("curl -sSL {}", gist.raw()),
        }
    }
}

#[cfg(test)]
mod tests;
