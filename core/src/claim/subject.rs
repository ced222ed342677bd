//! What claims are about. Each has one spelling, so that two claims of one thing look the same.

use std::fmt;
use std::str::FromStr;

use super::{NotCheckable, WELL_KNOWN};
use crate::server_name::is_label;

/// DNS allows 253 characters for a name.
const MAX_NAME: usize = 253;
/// What stands before the domain in the record's name.
const RECORD: &str = "_kez.";
/// Longest name of a GitHub account.
const MAX_USER: usize = 39;
/// More digits than a gist's id has today.
const MAX_GIST_ID: usize = 64;
const GISTS: &str = "https://gist.github.com/";

/// A domain name in lower case, of at least two labels, whose record's name still fits the DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

/// A host name in lower case, with a port when that is not 443. Never an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(String);

/// The name of a GitHub account; names that differ in case alone are one account's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubUser(String);

/// A gist of a user, by its page's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gist {
    user: GithubUser,
    id: String,
}

impl Domain {
    /// The name of the TXT record.
    #[must_use]
    pub fn record(&self) -> String {
        format!("{RECORD}{}", self.0)
    }
}

impl Host {
    /// The document's address.
    #[must_use]
    pub fn document(&self) -> String {
        format!("https://{}{WELL_KNOWN}", self.0)
    }
}

impl Gist {
    /// The gist at the address `page`, which has to be the user's own.
    pub(super) fn of(user: GithubUser, page: &str) -> Result<Gist, NotCheckable> {
        let (owner, id) =
            page.strip_prefix(GISTS).and_then(|rest| rest.split_once('/')).ok_or(NotCheckable::BadGist)?;
        let is_id = (1..=MAX_GIST_ID).contains(&id.len()) && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_id && user.is(owner) { Ok(Gist { user, id: id.to_owned() }) } else { Err(NotCheckable::BadGist) }
    }

    /// The address of its page.
    #[must_use]
    pub fn page(&self) -> String {
        format!("{GISTS}{}/{}", self.user.0, self.id)
    }

    /// The address of its text. GitHub sends readers on from there, to where it keeps texts.
    #[must_use]
    pub fn raw(&self) -> String {
        format!("{}/raw", self.page())
    }

    /// Whether `path`, on one of GitHub's hosts for gists, is below this gist of this user: `/<user>/<id>/raw…`.
    #[must_use]
    pub fn owns(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        segments.next() == Some("")
            && segments.next().is_some_and(|owner| self.user.is(owner))
            && segments.next() == Some(&self.id)
            && segments.next() == Some("raw")
    }
}

impl GithubUser {
    fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl FromStr for Domain {
    type Err = NotCheckable;

    fn from_str(text: &str) -> Result<Self, NotCheckable> {
        let fits = text.len() <= MAX_NAME - RECORD.len();
        if fits && is_domain(text) { Ok(Domain(text.to_owned())) } else { Err(NotCheckable::BadDomain) }
    }
}

impl FromStr for Host {
    type Err = NotCheckable;

    fn from_str(text: &str) -> Result<Self, NotCheckable> {
        let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
        let is_port = |port: &str| {
            !port.starts_with('0')
                && port.bytes().all(|b| b.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port != 443)
        };
        let is_host = name.len() <= MAX_NAME && is_domain(name) && port.is_none_or(is_port);
        if is_host { Ok(Host(text.to_owned())) } else { Err(NotCheckable::BadHost) }
    }
}

impl FromStr for GithubUser {
    type Err = NotCheckable;

    fn from_str(text: &str) -> Result<Self, NotCheckable> {
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_user = text.len() <= MAX_USER && text.split('-').all(is_part);
        if is_user { Ok(GithubUser(text.to_owned())) } else { Err(NotCheckable::BadUser) }
    }
}

impl fmt::Display for GithubUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lower-case labels of letters, digits and inner hyphens, two at least. The last begins with a letter: whatever ends in
/// a number is an address to some readers.
fn is_domain(name: &str) -> bool {
    let last = name.rsplit_once('.').map(|(_, last)| last);
    let is_lower = !name.bytes().any(|b| b.is_ascii_uppercase());
    is_lower
        && name.split('.').all(is_label)
        && last.is_some_and(|last| last.starts_with(|c: char| c.is_ascii_lowercase()))
}
