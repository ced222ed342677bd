//! WebFinger (RFC 7033): the query, the resources that name a handle, and the JRD that answers.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::handle::Handle;
use crate::problem::{Code, Problem};
use crate::record::Record;
use crate::server_name::ServerName;

/// The namespace of this protocol's own properties and relations, whatever the server's domain.
const PRIMARY: &str = "https://kez.lat/ns/primary";
const SIGCHAIN: &str = "https://kez.lat/ns/sigchain";
const PROFILE_PAGE: &str = "http://webfinger.net/rel/profile-page";

/// A decoded query: one `resource`, any number of `rel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The URI that is asked about.
    pub resource: String,
    /// Relations to keep; empty keeps all.
    pub rels: Vec<String>,
}

impl Query {
    /// Decodes a URL's query, without its `?` (RFC 7033 section 4.1). Other parameters are ignored.
    ///
    /// # Errors
    /// [`Code::InvalidResource`] when `resource` is missing, repeated, not a URI, or an `acct:` that is none, or when a
    /// value is not percent-encoded UTF-8.
    pub fn parse(query: &str) -> Result<Query, Problem> {
        let invalid = |detail: &'static str| Problem::new(Code::InvalidResource, detail);
        let mut resource = None;
        let mut rels = Vec::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                let decoded = percent_decode_str(text).decode_utf8().map(String::from);
                decoded.map_err(|_| invalid("Percent-encode the query as UTF-8."))
            };
            let value = || decode(value);
            match decode(name)?.as_str() {
                "resource" if resource.is_some() => return Err(invalid("Ask about one `resource` at a time.")),
                "resource" => resource = Some(value()?),
                "rel" => rels.push(value()?),
                _ => {}
            }
        }
        match resource {
            Some(resource) if is_uri(&resource) && is_account(&resource).unwrap_or(true) => {
                Ok(Query { resource, rels })
            }
            Some(_) => Err(invalid("`resource` is a URI such as acct:name@server.")),
            None => Err(invalid("Add the parameter `resource`, for example resource=acct:name@server.")),
        }
    }

    /// The handle that the resource names on this server: `acct:handle@server`, or the profile page
    /// `https://server/@handle`, also under the server's `public_url`. `None` for anybody else's resources.
    #[must_use]
    pub fn handle(&self, server: &ServerName, public_url: &str) -> Option<Handle> {
        let (scheme, rest) = self.resource.split_once(':')?;
        let user = if scheme.eq_ignore_ascii_case("acct") {
            let (user, host) = rest.rsplit_once('@')?;
            server.matches(host).then_some(user)?
        } else {
            let (origin, user) = self.resource.split_once("/@")?;
            let host = origin.get(scheme.len()..)?.strip_prefix("://")?;
            let is_ours =
                scheme.eq_ignore_ascii_case("https") && server.matches(host) || origin.eq_ignore_ascii_case(public_url);
            is_ours.then_some(user)?
        };
        Handle::for_lookup(user).ok()
    }
}

/// The generic syntax of RFC 3986 section 3, as far as it can be told without knowing the scheme.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let mut escapes = rest.split('%').skip(1);
    let escaped = |e: &str| e.len() >= 2 && e.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    scheme_ok && !rest.is_empty() && rest.bytes().all(allowed) && escapes.all(escaped)
}

/// Whether an `acct:` URI has a user and a host, and one `@` between them (RFC 7565 section 7); none for other schemes.
fn is_account(uri: &str) -> Option<bool> {
    let (_, rest) = uri.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("acct"))?;
    Some(rest.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@')))
}

/// A JSON Resource Descriptor (RFC 7033 section 4.4).
#[derive(Clone, Debug, Serialize)]
pub struct Jrd {
    subject: String,
    aliases: Vec<String>,
    properties: BTreeMap<&'static str, String>,
    links: Vec<Link>,
}

/// One of a descriptor's links.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    rel: &'static str,
    r#type: &'static str,
    href: String,
}

impl Jrd {
    /// The descriptor of a handle's owner; `public_url` has no slash at its end.
    #[must_use]
    pub fn new(record: &Record, public_url: &str) -> Self {
        let profile = format!("{public_url}/@{}", record.handle);
        Jrd {
            subject: format!("acct:{}", record.fqhn),
            aliases: vec![profile.clone()],
            properties: BTreeMap::from([(PRIMARY, record.primary.to_string())]),
            links: vec![
                Link { rel: "self", r#type: "application/json", href: format!("{public_url}/v1/u/{}", record.handle) },
                Link { rel: PROFILE_PAGE, r#type: "text/html", href: profile },
                Link { rel: SIGCHAIN, r#type: "application/json", href: record.sigchain_url.clone() },
            ],
        }
    }

    /// Keeps the links whose relation is in `rels`; all of them if it is empty.
    #[must_use]
    pub fn keep(mut self, rels: &[String]) -> Self {
        self.links.retain(|link| rels.is_empty() || rels.iter().any(|rel| rel == link.rel));
        self
    }
}
