//! Who limits count for a request, and in which networks.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A program of this machine: the peer is a loopback address and no trusted proxy. Rates do not count it.
    Local(IpAddr),
    /// Somebody at this address, in its canonical form.
    At(IpAddr),
    /// Somebody behind the trusted proxy at this address, which names nobody that can be read. All of them are one.
    Unnamed(IpAddr),
}

impl Client {
    /// The networks that a limit counts this client in, the narrowest first; what the machine's own programs do is
    /// counted in none.
    pub fn networks(self) -> impl Iterator<Item = Network> {
        let networks = match self {
            Client::Local(_) => [None; 3],
            Client::Unnamed(_) => [Some(Network::UNNAMED), None, None],
            Client::At(address) => Network::around(address),
        };
        networks.into_iter().flatten()
    }
}

/// Its address, for the log.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::Local(address) | Client::At(address) => address.fmt(f),
            Client::Unnamed(proxy) => write!(f, "unknown behind {proxy}"),
        }
    }
}

/// A network that limits count. An IPv4 address is one. An IPv6 client is in three: its /64, which is what one line
/// gets, the /56 around it, which is what many customers get, and the /48, which is what any company gets for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(Option<IpNet>);

impl Network {
    const UNNAMED: Network = Network(None);

    /// The networks around an address, the narrowest first.
    pub(crate) fn around(address: IpAddr) -> [Option<Network>; 3] {
        match address.to_canonical() {
            IpAddr::V4(address) => [Some(Network(Some(Ipv4Net::from(address).into()))), None, None],
            IpAddr::V6(address) => [64, 56, 48].map(|length| {
                let network = Ipv6Net::new(address, length).ok()?;
                Some(Network(Some(network.trunc().into())))
            }),
        }
    }

    /// How many times a limit this network gets: a /64 or an IPv4 address once, a /56 twice, a /48 four times. So who
    /// shares a network with somebody greedy is left something, and a whole network has little more than one line.
    #[must_use]
    pub const fn share(self) -> u32 {
        match self.0 {
            Some(IpNet::V6(network)) => match network.prefix_len() {
                0..=48 => 4,
                49..=56 => 2,
                _ => 1,
            },
            _ => 1,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(network) => network.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(client: Client) -> Vec<(String, u32)> {
        client.networks().map(|network| (network.to_string(), network.share())).collect()
    }

    #[test]
    fn a_client_is_in_its_networks() {
        let at = |text: &str| networks(Client::At(text.parse().expect("an address")));
        let own = |text: &str, share| (text.to_owned(), share);
        assert_eq!(at("192.0.2.7"), [own("192.0.2.7/32", 1)]);
        assert_eq!(at("::ffff:192.0.2.7"), at("192.0.2.7"));
        let expected = [own("2001:db8:1:2ff::/64", 1), own("2001:db8:1:200::/56", 2), own("2001:db8:1::/48", 4)];
        assert_eq!(at("2001:db8:1:2ff:3::4"), expected);
        assert_eq!(at("127.0.0.1").len(), 1, "an address that somebody else told of is like any other");
        let loopback = "127.0.0.1".parse().expect("an address");
        assert_eq!(networks(Client::Local(loopback)), []);
        assert_eq!(networks(Client::Unnamed(loopback)), [own("unknown", 1)]);
    }
}
