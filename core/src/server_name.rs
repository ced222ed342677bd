//! Server names: the part of `handle@server` behind the `@`.

use std::fmt;
use std::str::FromStr;

/// DNS allows 253 characters for a name; `:65535` may follow.
const MAX_HOST: usize = 253;

/// A host with an optional port, held in lower case: names are compared without case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerName(String);

/// The text is not a host name or address with an optional port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a server name is a host such as `kez.example`, with an optional port")]
pub struct MalformedServerName;

impl ServerName {
    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other`, in any case, names this server.
    #[must_use]
    pub fn matches(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

impl FromStr for ServerName {
    type Err = MalformedServerName;

    fn from_str(text: &str) -> Result<Self, MalformedServerName> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((v6, rest)) => {
                v6.parse::<std::net::Ipv6Addr>().map_err(|_| MalformedServerName)?;
                (None, rest.strip_prefix(':').or(if rest.is_empty() { None } else { Some("") }))
            }
            None => match text.split_once(':') {
                Some((host, port)) => (Some(host), Some(port)),
                None => (Some(text), None),
            },
        };
        let host_ok = host.is_none_or(|host| host.len() <= MAX_HOST && host.split('.').all(is_label));
        let port_ok = port.is_none_or(|port| {
            !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
        });
        if host_ok && port_ok { Ok(ServerName(text.to_ascii_lowercase())) } else { Err(MalformedServerName) }
    }
}

/// A label of a host's name: letters, digits and inner hyphens (RFC 1123 section 2.1).
pub(crate) fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for good in ["kez.lat", "localhost:6969", "127.0.0.1:80", "KEZ.Lat", "[::1]:6969", "[::1]", "a-b.example"] {
            assert_eq!(good.parse::<ServerName>().map(|n| n.0), Ok(good.to_ascii_lowercase()), "{good}");
        }
        for bad in [
            "",
            "kez.lat:",
            "kez.lat:0",
            "kez.lat:65536",
            "kez.lat:+1",
            "kez..lat",
            ".kez.lat",
            "kez.lat.",
            "-a.b",
            "a-.b",
            "kez lat",
            "https://kez.lat",
            "kez.lat/",
            "a@b",
            "ké.lat",
            "[::1",
            "[::1]x",
            "[zz]",
            "::1",
            "a:1:2",
        ] {
            assert!(bad.parse::<ServerName>().is_err(), "{bad}");
        }
        assert!("kez.lat".parse::<ServerName>().is_ok_and(|n| n.matches("KEZ.lat") && !n.matches("kez.la")));
    }
}
