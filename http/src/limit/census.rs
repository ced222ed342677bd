//! How many of something each network holds, for tables that strangers fill.

use std::collections::HashMap;

use crate::client::{Client, Network};

/// A count by network. What is counted is kept elsewhere; here is who has how many of it.
#[derive(Debug, Default)]
pub struct Census(HashMap<Network, usize>);

impl Census {
    /// Counts one more for a client.
    pub fn add(&mut self, client: Client) {
        for network in client.networks() {
            *self.0.entry(network).or_default() += 1;
        }
    }

    /// Counts one less for a client, which was added before.
    pub fn remove(&mut self, client: Client) {
        for network in client.networks() {
            if let Some(held) = self.0.get_mut(&network) {
                *held -= 1;
                if *held == 0 {
                    self.0.remove(&network);
                }
            }
        }
    }

    /// How many a network holds.
    #[must_use]
    pub fn held(&self, network: Network) -> usize {
        self.0.get(&network).copied().unwrap_or_default()
    }

    /// The narrowest of a client's networks without room for one more, if `each` is what a single line may hold.
    #[must_use]
    pub fn full(&self, client: Client, each: usize) -> Option<Network> {
        client.networks().find(|network| self.held(*network) >= each * network.share() as usize)
    }

    /// Whose place is taken away when there is none for somebody new: the position among `holders` of the one in the
    /// widest network that holds the most, there in the narrower one that holds the most, and so on. Of equals it is the
    /// first, so give the oldest first. Who holds little loses nothing to who holds much.
    pub fn greediest(&self, holders: impl Iterator<Item = Client>) -> Option<usize> {
        let mut greediest: Option<([usize; 3], usize)> = None;
        for (position, holder) in holders.enumerate() {
            let mut held = [0; 3];
            let count = holder.networks().count();
            for (nth, network) in holder.networks().enumerate() {
                held[count - 1 - nth] = self.held(network);
            }
            if greediest.is_none_or(|(most, _)| held > most) {
                greediest = Some((held, position));
            }
        }
        greediest.map(|(_, position)| position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Client {
        Client::At(address.parse().expect("an address"))
    }

    fn census(holders: &[Client]) -> Census {
        let mut census = Census::default();
        holders.iter().for_each(|holder| census.add(*holder));
        census
    }

    #[test]
    fn each_network_has_its_share() {
        let line = |n: u32| at(&format!("2001:db8:0:{n:x}::1"));
        let mut holders = vec![line(0); 3];
        assert_eq!(census(&holders[..2]).full(line(0), 3), None);
        assert_eq!(census(&holders).full(line(0), 3).map(|full| full.to_string()), Some("2001:db8::/64".to_owned()));
        holders.extend([line(1), line(2), line(3)]);
        assert_eq!(census(&holders).full(line(4), 3).map(|full| full.to_string()), Some("2001:db8::/56".to_owned()));
        holders.extend((0..6).map(|n| line(0x100 + n * 0x100)));
        let full = census(&holders).full(line(0xff00), 3);
        assert_eq!(full.map(|full| full.to_string()), Some("2001:db8::/48".to_owned()));
        assert_eq!(census(&holders).full(at("2001:db8:1::1"), 3), None);
    }

    #[test]
    fn what_is_given_back_is_not_counted() {
        let (one, other) = (at("192.0.2.1"), at("192.0.2.2"));
        let mut census = census(&[one, one, other]);
        census.remove(one);
        assert_eq!((census.full(one, 1).is_some(), census.full(one, 2)), (true, None));
        census.remove(one);
        census.remove(other);
        assert!(census.0.is_empty());
    }

    #[test]
    fn the_greediest_loses_its_oldest() {
        let (v4, modest) = (at("192.0.2.1"), at("198.51.100.1"));
        let line = |n: u32| at(&format!("2001:db8:0:{n:x}::1"));
        let lose = |holders: &[Client]| census(holders).greediest(holders.iter().copied());
        assert_eq!(lose(&[]), None);
        assert_eq!(lose(&[modest, v4, v4]), Some(1));
        assert_eq!(lose(&[v4, modest]), Some(0), "nobody is greedy: the oldest goes");
        assert_eq!(lose(&[v4, v4, line(1), line(2), line(0x100)]), Some(2), "many lines of one network are one");
        assert_eq!(lose(&[line(0x100), line(1), line(2)]), Some(1), "the greediest part of it");
        assert_eq!(lose(&[Client::Local("::1".parse().expect("an address")), v4]), Some(1));
    }
}
