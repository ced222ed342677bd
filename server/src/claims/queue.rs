//! Whose turn it is: claims wait in lines, so that nobody's wait is as long as what others brought.
//!
//! Who asked has a line for each network, and in it one for each identity. The networks take turns, and so do the
//! identities of each. So a claim waits for one check of every other network that waits, and of every other identity that
//! was asked for from the same network, however many claims these have and however slow their hosts are.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use kez_core::claim::Evidence;
use kez_core::{Hash, KeyId};
use kez_http::client::Client;

/// Checks that wait at one time; each takes some hundred bytes, and at most 3 KiB.
const MAX_WAITING: usize = 512;
/// Checks of one identity that run at one time.
const AT_ONCE_OF_ONE: usize = 2;

/// A claim to look at.
pub(super) struct Job {
    pub(super) id: Hash,
    pub(super) chain: KeyId,
    pub(super) evidence: Evidence,
}

/// Where a question came from: an IPv4 /24, an IPv6 /48, or the machine itself. Much less is one customer's, and it is what
/// somebody with one machine may have many addresses of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network(Option<IpAddr>);

impl Network {
    pub(super) fn of(client: Client) -> Network {
        let address = match client {
            Client::Local(_) => None,
            // All that a proxy does not name are one network: that of the proxy.
            Client::At(address) | Client::Unnamed(address) => Some(address),
        };
        Network(address.map(|address| match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4((address.to_bits() & !0xFF).into()),
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !(u128::MAX >> 48)).into()),
        }))
    }
}

/// What waits, and what runs.
#[derive(Default)]
pub(super) struct Queue {
    /// Never empty ones.
    networks: VecDeque<(Network, Line)>,
    /// What runs, by its identity.
    running: HashMap<KeyId, usize>,
    /// What waits or runs: each is there once.
    known: HashSet<Hash>,
    waiting: usize,
}

/// The identities of one network, in turn.
#[derive(Default)]
struct Line {
    /// Never empty ones.
    identities: VecDeque<(KeyId, VecDeque<Job>)>,
    waiting: usize,
}

impl Queue {
    /// Checks that run.
    pub(super) fn running(&self) -> usize {
        self.running.values().sum()
    }

    /// Adds a claim that is not there yet. One that waits already, asked for from elsewhere, comes into the shorter of the
    /// two lines. When too many wait, the longest line loses its last.
    pub(super) fn add(&mut self, from: Network, job: Job) {
        if !self.known.insert(job.id) {
            return self.move_up(from, &job);
        }
        self.put(from, job);
        if self.waiting > MAX_WAITING {
            self.shorten_the_longest();
        }
    }

    /// The next to look at, which runs from now on.
    pub(super) fn next(&mut self) -> Option<Job> {
        let running = &self.running;
        let is_free = |chain: &KeyId| running.get(chain).is_none_or(|running| *running < AT_ONCE_OF_ONE);
        let at = self.networks.iter().position(|(_, line)| line.identities.iter().any(|(chain, _)| is_free(chain)))?;
        let (network, mut line) = self.networks.remove(at)?;
        let which = line.identities.iter().position(|(chain, _)| is_free(chain))?;
        let (chain, mut jobs) = line.identities.remove(which)?;
        let job = jobs.pop_front()?;
        if !jobs.is_empty() {
            line.identities.push_back((chain, jobs));
        }
        line.waiting -= 1;
        self.waiting -= 1;
        if line.waiting > 0 {
            self.networks.push_back((network, line));
        }
        *self.running.entry(chain).or_default() += 1;
        Some(job)
    }

    /// A check has ended.
    pub(super) fn ended(&mut self, id: Hash, chain: KeyId) {
        self.known.remove(&id);
        if let Some(running) = self.running.get_mut(&chain) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&chain);
            }
        }
    }

    fn put(&mut self, from: Network, job: Job) {
        let at = self.networks.iter().position(|(network, _)| *network == from).unwrap_or_else(|| {
            self.networks.push_back((from, Line::default()));
            self.networks.len() - 1
        });
        if let Some((_, line)) = self.networks.get_mut(at) {
            line.put(job);
            self.waiting += 1;
        }
    }

    fn move_up(&mut self, to: Network, job: &Job) {
        let is_in = |line: &Line| line.identities.iter().flat_map(|(_, jobs)| jobs).any(|other| other.id == job.id);
        let Some(at) = self.networks.iter().position(|(_, line)| is_in(line)) else { return };
        let length = |network: Network| {
            self.networks.iter().find(|(other, _)| *other == network).map_or(0, |(_, line)| line.waiting)
        };
        let Some(from) =
            self.networks.get(at).map(|(network, _)| *network).filter(|from| length(to) + 1 < length(*from))
        else {
            return;
        };
        if let Some(job) = self.take_out(from, |line| line.take(job.id)) {
            self.put(to, job);
        }
    }

    fn shorten_the_longest(&mut self) {
        let longest = self.networks.iter().max_by_key(|(_, line)| line.waiting).map(|(network, _)| *network);
        if let Some(job) = longest.and_then(|longest| self.take_out(longest, Line::take_last)) {
            self.known.remove(&job.id);
        }
    }

    fn take_out(&mut self, of: Network, take: impl FnOnce(&mut Line) -> Option<Job>) -> Option<Job> {
        let at = self.networks.iter().position(|(network, _)| *network == of)?;
        let (_, line) = self.networks.get_mut(at)?;
        let job = take(line)?;
        line.waiting -= 1;
        self.waiting -= 1;
        if line.waiting == 0 {
            self.networks.remove(at);
        }
        Some(job)
    }
}

impl Line {
    fn put(&mut self, job: Job) {
        self.waiting += 1;
        match self.identities.iter_mut().find(|(chain, _)| *chain == job.chain) {
            Some((_, jobs)) => jobs.push_back(job),
            None => self.identities.push_back((job.chain, VecDeque::from([job]))),
        }
    }

    fn take(&mut self, id: Hash) -> Option<Job> {
        let at = self.identities.iter().position(|(_, jobs)| jobs.iter().any(|job| job.id == id))?;
        let (_, jobs) = self.identities.get_mut(at)?;
        let job = jobs.remove(jobs.iter().position(|job| job.id == id)?)?;
        self.drop_empty(at);
        Some(job)
    }

    /// The last of the identity that has most in this line.
    fn take_last(&mut self) -> Option<Job> {
        let (at, (_, jobs)) = self.identities.iter_mut().enumerate().max_by_key(|(_, (_, jobs))| jobs.len())?;
        let job = jobs.pop_back()?;
        self.drop_empty(at);
        Some(job)
    }

    fn drop_empty(&mut self, at: usize) {
        if self.identities.get(at).is_some_and(|(_, jobs)| jobs.is_empty()) {
            self.identities.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use kez_core::SigningKey;
    use kez_core::sigchain::Claim;

    use super::*;

    fn chain(of: u8) -> KeyId {
        SigningKey::from_seed(&[of; 32]).id()
    }

    fn job(of: u8, number: u16) -> Job {
        let claim = Claim { r#type: "dns".to_owned(), subject: format!("n{number}.example"), proof: String::new() };
        let evidence = Evidence::of(&claim).expect("a claim");
        Job { id: Hash::of(&[&[of][..], &number.to_be_bytes()].concat()), chain: chain(of), evidence }
    }

    fn network(text: &str) -> Network {
        Network::of(Client::At(text.parse().expect("an address")))
    }

    /// Whose turn it is, one after the other, each check ending before the next begins.
    fn turns(queue: &mut Queue) -> Vec<u8> {
        std::iter::from_fn(|| {
            let job = queue.next()?;
            queue.ended(job.id, job.chain);
            (0..=u8::MAX).find(|of| chain(*of) == job.chain)
        })
        .collect()
    }

    #[test]
    fn networks_are_as_wide_as_one_customer_may_have() {
        assert_eq!(network("192.0.2.1"), network("192.0.2.254"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:ffff::"));
        assert_ne!(network("2001:db8:1::"), network("2001:db8:2::"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.7"));
    }

    #[test]
    fn identities_take_turns_and_so_do_networks() {
        let mut queue = Queue::default();
        let (many, few) = (network("192.0.2.1"), network("198.51.100.1"));
        for number in 0..3 {
            for of in [1, 2] {
                queue.add(many, job(of, number));
            }
        }
        queue.add(few, job(3, 0));
        queue.add(few, job(3, 1));
        assert_eq!(turns(&mut queue), [1, 3, 2, 3, 1, 2, 1, 2]);
        assert_eq!((queue.waiting, queue.running(), queue.known.len(), queue.networks.len()), (0, 0, 0, 0));
    }

    #[test]
    fn one_identity_has_few_places() {
        let mut queue = Queue::default();
        for number in 0..5 {
            queue.add(Network(None), job(1, number));
        }
        let (first, _second) = (queue.next().expect("one"), queue.next().expect("another"));
        assert!(queue.next().is_none());
        queue.add(Network(None), job(2, 0));
        assert_eq!(queue.next().map(|job| job.chain), Some(chain(2)));
        queue.ended(first.id, first.chain);
        assert_eq!(queue.next().map(|job| job.chain), Some(chain(1)));
        assert_eq!(queue.running(), 3);
    }

    #[test]
    fn a_claim_waits_once_and_in_the_shorter_line() {
        let mut queue = Queue::default();
        let (long, short) = (network("192.0.2.1"), network("198.51.100.1"));
        for of in 1..=20 {
            queue.add(long, job(of, 0));
        }
        for _ in 0..3 {
            queue.add(short, job(20, 0));
            queue.add(long, job(20, 0));
        }
        assert_eq!(queue.waiting, 20);
        assert_eq!(turns(&mut queue)[..2], [1, 20]);
    }

    #[test]
    fn when_it_is_full_the_longest_line_loses() {
        let mut queue = Queue::default();
        let greedy = network("192.0.2.1");
        for of in 1..=16 {
            for number in 0..64 {
                queue.add(greedy, job(of, number));
            }
        }
        assert_eq!((queue.waiting, queue.known.len()), (MAX_WAITING, MAX_WAITING));
        queue.add(network("2001:db8::1"), job(200, 0));
        assert_eq!(queue.waiting, MAX_WAITING);
        // One more of the same line is lost at once, and may be asked for again.
        queue.add(greedy, job(1, 1_000));
        assert_eq!((queue.waiting, queue.known.len()), (MAX_WAITING, MAX_WAITING));
        let turns = turns(&mut queue);
        assert_eq!(turns.len(), MAX_WAITING);
        assert_eq!(turns.iter().position(|of| *of == 200), Some(1));
        assert!((1..=16).all(|of| turns.contains(&of)), "every identity kept some of its places");
    }
}
