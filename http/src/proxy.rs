//! Whose request it is, when a reverse proxy stands in between.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

use crate::client::Client;

/// Networks of proxies whose `X-Forwarded-For` is believed.
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    /// Whose request it is: the connection's peer's, or, if that is a trusted proxy, that of the last address in
    /// `X-Forwarded-For` which is not one. What stands further left was written by the client. A proxy that names nobody,
    /// or nobody that can be read, stands for one client: not for itself, which might be the machine's own.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return if peer.is_loopback() { Client::Local(peer) } else { Client::At(peer) };
        }
        let mut named = None;
        for value in headers.get_all("x-forwarded-for").iter().rev() {
            for entry in value.as_bytes().rsplit(|byte| *byte == b',') {
                let Some(address) = std::str::from_utf8(entry).ok().and_then(|entry| parse(entry.trim())) else {
                    return Client::Unnamed(peer);
                };
                named = Some(address);
                if !self.trusts(address) {
                    return Client::At(address);
                }
            }
        }
        // Every hop is a proxy of ours: the first of them asks for itself.
        named.map_or(Client::Unnamed(peer), Client::At)
    }

    /// Whether the operator named a network that this address is in.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// An address as proxies write it: bare, in brackets, with a port, or with the zone of a link (RFC 4007 section 11),
/// which says nothing outside of the proxy.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = |text: &str| {
        let without_zone = || text.split_once('%').and_then(|(address, _)| address.parse::<Ipv6Addr>().ok());
        text.parse().ok().or_else(|| without_zone().map(IpAddr::V6))
    };
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
            bare(address).filter(|address| is_port && address.is_ipv6())
        }
        None => bare(text).or_else(|| text.parse::<SocketAddr>().map(|address| address.ip()).ok()),
    };
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn client(peer: &str, forwarded: &[&'static str]) -> Client {
        let proxies = ["127.0.0.0/8", "10.0.0.0/8"].map(|network| network.parse().expect("a network"));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(value));
        }
        TrustedProxies(proxies.into()).client(address(peer), &headers)
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        for (peer, forwarded, expected) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["192.0.2.66, 198.51.100.1, 10.1.1.1"], "198.51.100.1"),
            ("127.0.0.1", &["192.0.2.66", "198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["nonsense, 198.51.100.1"], "198.51.100.1"),
            ("::ffff:127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["10.1.1.1"], "10.1.1.1"),
            ("10.1.1.1", &["127.0.0.1"], "127.0.0.1"),
        ] {
            assert_eq!(client(peer, forwarded), Client::At(address(expected)), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        for (written, expected) in [
            ("198.51.100.1:4711", "198.51.100.1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%eth0]:4711", "fe80::1"),
        ] {
            assert_eq!(client("127.0.0.1", &[written]), Client::At(address(expected)), "{written}");
        }
    }

    #[test]
    fn a_proxy_that_names_nobody_is_not_the_machine_itself() {
        let unnamed = Client::Unnamed(address("127.0.0.1"));
        assert_eq!(client("127.0.0.1", &[]), unnamed);
        for written in [
            "",
            " ",
            ",",
            "unknown",
            "_hidden",
            "nonsense",
            "localhost",
            "127.0.0.1.1",
            "198.51.100.1:",
            "192.0.2.66, nonsense",
            "198.51.100.1:99999",
            "[198.51.100.1]",
            "[2001:db8::1",
            "[2001:db8::1]x",
            "127.0.0.1%lo",
            "198.51.100.1,",
        ] {
            assert_eq!(client("127.0.0.1", &[written]), unnamed, "{written}");
        }
        assert_eq!(client("127.0.0.1", &["nonsense, 10.1.1.1"]), unnamed);
    }

    #[test]
    fn without_proxies_loopback_is_the_machine_itself() {
        let client = |peer| TrustedProxies(Vec::new()).client(address(peer), &HeaderMap::new());
        assert_eq!(client("127.0.0.1"), Client::Local(address("127.0.0.1")));
        assert_eq!(client("::ffff:127.0.0.1"), Client::Local(address("127.0.0.1")));
        assert_eq!(client("::1"), Client::Local(address("::1")));
        assert_eq!(client("192.0.2.1"), Client::At(address("192.0.2.1")));
    }
}
