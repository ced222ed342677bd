//! A server's address, and which names may be signed for there.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use kez_core::ServerName;
use ureq::http::Uri;

/// `https://host[:port]` or `http://host[:port]`, nothing behind it. Ports that the scheme implies are dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    scheme: &'static str,
    /// The host in lower case, with its port if that is not the scheme's own.
    authority: ServerName,
}

/// The text is not a server's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a server's address is written https://kez.example, with an optional port and nothing behind it")]
pub(crate) struct MalformedUrl;

impl ServerUrl {
    /// Where the server of this name is asked: by https, except on this very machine.
    pub(crate) fn of(name: &ServerName) -> Self {
        ServerUrl { scheme: if is_loopback(name) { "http" } else { "https" }, authority: name.clone() }
    }

    /// Whether the server is this very machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.authority)
    }

    /// Whether somebody on the way could answer in the server's place.
    pub(crate) fn is_exposed(&self) -> bool {
        self.scheme == "http" && !self.is_loopback()
    }

    /// Whether a server at this address may be believed that it is called `name`: its host, with or without the port.
    pub(crate) fn is_home_of(&self, name: &ServerName) -> bool {
        *name == self.authority || name.as_str() == host(&self.authority)
    }
}

impl FromStr for ServerUrl {
    type Err = MalformedUrl;

    fn from_str(text: &str) -> Result<Self, MalformedUrl> {
        let uri: Uri = text.parse().map_err(|_| MalformedUrl)?;
        let (scheme, implied) = match uri.scheme_str() {
            Some("https") => ("https", ":443"),
            Some("http") => ("http", ":80"),
            _ => return Err(MalformedUrl),
        };
        if uri.path() != "/" || uri.query().is_some() || text.contains('#') {
            return Err(MalformedUrl);
        }
        // A server name has no user and password either, so neither has the address.
        let authority = uri.authority().ok_or(MalformedUrl)?.as_str();
        let authority = authority.strip_suffix(implied).unwrap_or(authority);
        Ok(ServerUrl { scheme, authority: authority.parse().map_err(|_| MalformedUrl)? })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// The name without its port; an IPv6 address keeps its brackets.
fn host(name: &ServerName) -> &str {
    let name = name.as_str();
    match name.rsplit_once(':') {
        Some((host, _)) if !name.ends_with(']') => host,
        _ => name,
    }
}

fn is_loopback(name: &ServerName) -> bool {
    is_this_machine(host(name))
}

/// `localhost` (RFC 6761 section 6.3), 127.0.0.0/8 and ::1, with or without brackets.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ServerUrl {
        text.parse().expect("a test's address is well formed")
    }

    fn name(text: &str) -> ServerName {
        text.parse().expect("a test's name is well formed")
    }

    #[test]
    fn spellings() {
        for (text, shown) in [
            ("https://kez.example", "https://kez.example"),
            ("https://KEZ.example/", "https://kez.example"),
            ("https://kez.example:443", "https://kez.example"),
            ("https://kez.example:80", "https://kez.example:80"),
            ("http://127.0.0.1:6969", "http://127.0.0.1:6969"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(url(text).to_string(), shown);
        }
        for bad in [
            "",
            "kez.example",
            "ftp://kez.example",
            "https://",
            "https://u:p@kez.example",
            "https://kez.example/x",
            "https://kez.example?x",
            "https://kez.example/#x",
            "https://kez.example#",
            "https://kez.example:0",
            "https://kez example",
        ] {
            assert!(bad.parse::<ServerUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn loopback_is_this_machine_only() {
        for yes in ["localhost", "localhost:1", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:1"] {
            assert!(ServerUrl::of(&name(yes)).is_loopback(), "{yes}");
        }
        for no in ["kez.example", "localhost.example", "127.0.0.1.example", "128.0.0.1", "[::2]", "0.0.0.0"] {
            assert!(!ServerUrl::of(&name(no)).is_loopback(), "{no}");
        }
    }

    #[test]
    fn a_server_is_called_what_its_address_says() {
        let address = url("https://kez.example:8443");
        assert!(address.is_home_of(&name("kez.example")) && address.is_home_of(&name("kez.example:8443")));
        for other in ["example", "kez.example:1", "bank.example", "a.kez.example"] {
            assert!(!address.is_home_of(&name(other)), "{other}");
        }
    }
}
