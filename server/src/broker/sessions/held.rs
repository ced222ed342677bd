//! How many sessions each key and each identity has, whichever server let them in.
//!
//! A session counts from the moment in which it is granted, so that no burst of logins gets past a limit, until the broker
//! says that it is over. One that never came to be stops counting after a while.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kez_core::{Handle, KeyId};
use tokio::time::Instant;

use crate::broker::kind::Kind;
use crate::callout::{Connection, Rights};

/// After so long a client that was granted a session has it, or never will: the broker waits 5 s for the answer.
const GRANTED: Duration = Duration::from_secs(10);

/// A session, as far as it is known.
#[derive(Clone, Debug)]
pub(in crate::broker) struct Held {
    /// The key that it was opened with; none where no server that runs now let it in.
    pub(in crate::broker) key: Option<KeyId>,
    /// The identity's handle.
    pub(in crate::broker) handle: Handle,
    /// The identity's chain; none where it cannot be told.
    pub(in crate::broker) chain: Option<KeyId>,
    /// What its grant lets it do.
    pub(in crate::broker) rights: Rights,
}

/// Too many sessions are open, or about to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker) struct Full;

/// All sessions.
pub(in crate::broker) struct Sessions {
    per_key: usize,
    per_identity: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<Arc<Connection>, Entry>,
    by_key: HashMap<KeyId, HashSet<Arc<Connection>>>,
    by_handle: HashMap<Handle, HashSet<Arc<Connection>>>,
    /// What was granted and may never come to be, the oldest first.
    granted: VecDeque<(Instant, Arc<Connection>)>,
    /// What is over, the oldest first, for as long as another server may still tell that it granted it.
    over: VecDeque<(Instant, Connection)>,
    is_over: HashSet<Connection>,
    /// Whether what happened at the broker may have been missed. Then sessions at other brokers than the one that asks do
    /// not count: after a restart, they are those of a broker that is no more.
    is_blind: bool,
}

struct Entry {
    held: Held,
    /// Whether the broker has said that it is open.
    is_open: bool,
    /// When it was granted or, later, known to be open.
    since: Instant,
}

impl Sessions {
    pub(in crate::broker) fn new(per_key: usize, per_identity: usize) -> Self {
        Sessions { per_key, per_identity, table: Mutex::new(Table { is_blind: true, ..Table::default() }) }
    }

    /// Counts a session that is about to begin, unless there are as many as there may be.
    pub(in crate::broker) fn grant(&self, connection: &Connection, key: KeyId, held: Held) -> Result<(), Full> {
        let now = Instant::now();
        let mut table = self.table();
        table.forget_granted(now);
        // The same question again is the same session.
        table.remove(connection);
        let of_key = table.count(table.by_key.get(&key), &connection.server);
        let of_identity = table.count(table.by_handle.get(&held.handle), &connection.server);
        if of_key >= self.per_key || of_identity >= self.per_identity {
            return Err(Full);
        }
        table.insert(Arc::new(connection.clone()), Entry { held, is_open: false, since: now });
        Ok(())
    }

    /// Counts what another server granted. The broker may have told of it first, and it does not tell the key.
    pub(in crate::broker) fn granted_elsewhere(&self, connection: Connection, held: Held) {
        let mut table = self.table();
        if table.is_over.contains(&connection) {
            return;
        }
        let known = table.sessions.get(&connection).map(|entry| (entry.is_open, entry.since));
        table.remove(&connection);
        let (is_open, since) = known.unwrap_or((false, Instant::now()));
        table.insert(Arc::new(connection), Entry { held, is_open, since });
    }

    /// The broker says that a session is open. Whether that was news: then `held` is what is known of it.
    pub(in crate::broker) fn opened(&self, connection: &Connection, held: impl FnOnce() -> Held) -> bool {
        let mut table = self.table();
        if table.is_over.contains(connection) {
            return false;
        }
        if let Some(entry) = table.sessions.get_mut(connection) {
            if !std::mem::replace(&mut entry.is_open, true) {
                entry.since = Instant::now();
            }
            return false;
        }
        table.insert(Arc::new(connection.clone()), Entry { held: held(), is_open: true, since: Instant::now() });
        true
    }

    /// The broker says that a connection is over, which was a session or was to become one.
    pub(in crate::broker) fn closed(&self, connection: &Connection, was_session: bool) {
        let (mut table, now) = (self.table(), Instant::now());
        let is_known = table.sessions.contains_key(connection);
        table.remove(connection);
        if (is_known || was_session) && table.is_over.insert(connection.clone()) {
            table.over.push_back((now, connection.clone()));
        }
        while let Some((since, _)) = table.over.front()
            && now.duration_since(*since) >= GRANTED
        {
            let Some((_, connection)) = table.over.pop_front() else { return };
            table.is_over.remove(&connection);
        }
    }

    /// The chain of a session's identity became known.
    pub(in crate::broker) fn is_of(&self, connection: &Connection, chain: KeyId) {
        if let Some(entry) = self.table().sessions.get_mut(connection) {
            entry.held.chain = Some(chain);
        }
    }

    /// When the broker was asked, at `asked`, only these of the sessions of `handle`, or of all, were open.
    pub(in crate::broker) fn only(&self, open: &HashSet<Connection>, handle: Option<&Handle>, asked: Instant) {
        let mut table = self.table();
        table.forget_granted(Instant::now());
        let gone = table.sessions.iter().filter(|(connection, entry)| {
            entry.is_open
                && entry.since < asked
                && handle.is_none_or(|handle| entry.held.handle == *handle)
                && !open.contains(&***connection)
        });
        let gone: Vec<Arc<Connection>> = gone.map(|(connection, _)| connection.clone()).collect();
        gone.iter().for_each(|connection| table.remove(connection));
        if handle.is_none() {
            table.is_blind = false;
        }
    }

    /// What happens at the broker from now on may be missed.
    pub(in crate::broker) fn lose_sight(&self) {
        self.table().is_blind = true;
    }

    /// The chain of a session's identity.
    pub(in crate::broker) fn chain(&self, connection: &Connection) -> Option<KeyId> {
        self.table().sessions.get(connection)?.held.chain
    }

    /// The sessions of an identity with the right to send to boxes of a kind, or those without.
    pub(in crate::broker) fn of(&self, chain: &KeyId, kind: Kind, may_send: bool) -> Vec<Connection> {
        let table = self.table();
        let found = table
            .sessions
            .iter()
            .filter(|(_, Entry { held, .. })| held.chain == Some(*chain) && kind.is_in(held.rights) == may_send);
        found.map(|(connection, _)| Connection::clone(connection)).collect()
    }

    /// The identities that have a session, each once.
    pub(in crate::broker) fn chains(&self) -> Vec<KeyId> {
        let chains: HashSet<KeyId> = self.table().sessions.values().filter_map(|entry| entry.held.chain).collect();
        chains.into_iter().collect()
    }

    /// The device keys that have a session, each once.
    pub(in crate::broker) fn keys(&self) -> Vec<KeyId> {
        self.table().by_key.keys().copied().collect()
    }

    /// How many there are.
    pub(in crate::broker) fn count(&self) -> usize {
        self.table().sessions.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn count(&self, sessions: Option<&HashSet<Arc<Connection>>>, server: &str) -> usize {
        let Some(sessions) = sessions else { return 0 };
        if !self.is_blind {
            return sessions.len();
        }
        sessions.iter().filter(|connection| connection.server == server).count()
    }

    fn insert(&mut self, connection: Arc<Connection>, entry: Entry) {
        if let Some(key) = entry.held.key {
            self.by_key.entry(key).or_default().insert(connection.clone());
        }
        self.by_handle.entry(entry.held.handle.clone()).or_default().insert(connection.clone());
        if !entry.is_open {
            self.granted.push_back((entry.since, connection.clone()));
        }
        self.sessions.insert(connection, entry);
    }

    fn remove(&mut self, connection: &Connection) {
        let Some(Entry { held, .. }) = self.sessions.remove(connection) else { return };
        if let Some(key) = held.key {
            leave(&mut self.by_key, &key, connection);
        }
        leave(&mut self.by_handle, &held.handle, connection);
    }

    /// Forgets what was granted and never came to be.
    fn forget_granted(&mut self, now: Instant) {
        while let Some((granted, _)) = self.granted.front()
            && now.duration_since(*granted) >= GRANTED
        {
            let Some((granted, connection)) = self.granted.pop_front() else { return };
            if self.sessions.get(&connection).is_some_and(|entry| !entry.is_open && entry.since == granted) {
                self.remove(&connection);
            }
        }
    }
}

fn leave<K: std::hash::Hash + Eq>(index: &mut HashMap<K, HashSet<Arc<Connection>>>, of: &K, connection: &Connection) {
    if let Some(sessions) = index.get_mut(of) {
        sessions.remove(connection);
        if sessions.is_empty() {
            index.remove(of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(server: &str, cid: u64) -> Connection {
        Connection { server: server.to_owned(), cid }
    }

    fn key(seed: u8) -> KeyId {
        kez_core::SigningKey::from_seed(&[seed; 32]).id()
    }

    fn held(seed: u8) -> Held {
        let handle = "tudisco".parse().expect("a handle");
        Held { key: Some(key(seed)), handle, chain: Some(key(1)), rights: Rights::FULL }
    }

    /// Four of a key, ten of an identity, and nothing is missed.
    fn sessions() -> Sessions {
        let sessions = Sessions::new(4, 10);
        sessions.only(&HashSet::new(), None, Instant::now());
        sessions
    }

    fn grant(sessions: &Sessions, cid: u64, seed: u8) -> Result<(), Full> {
        sessions.grant(&at("N1", cid), key(seed), held(seed))
    }

    #[test]
    fn what_another_server_granted_counts_whoever_tells_of_it_first() {
        let sessions = sessions();
        for cid in 0..2 {
            sessions.granted_elsewhere(at("N1", cid), held(1));
            sessions.opened(&at("N1", cid), || Held { key: None, ..held(1) });
        }
        for cid in 2..4 {
            sessions.opened(&at("N1", cid), || Held { key: None, ..held(1) });
            sessions.granted_elsewhere(at("N1", cid), held(1));
        }
        assert_eq!((grant(&sessions, 4, 1), sessions.count()), (Err(Full), 4));
        sessions.closed(&at("N1", 0), true);
        sessions.granted_elsewhere(at("N1", 0), held(1));
        assert_eq!(sessions.count(), 3, "one that was over before the other server told of it");
    }

    #[test]
    fn a_key_has_four_and_an_identity_ten_and_what_ends_makes_room() {
        let sessions = sessions();
        for cid in 0..4 {
            assert_eq!(grant(&sessions, cid, 1), Ok(()));
        }
        assert_eq!(grant(&sessions, 4, 1), Err(Full));
        assert_eq!(grant(&sessions, 3, 1), Ok(()), "the same question again");
        for cid in 10..16 {
            assert_eq!(grant(&sessions, cid, 2 + u8::try_from(cid % 2).expect("small")), Ok(()));
        }
        assert_eq!(grant(&sessions, 20, 4), Err(Full), "the identity has ten");
        sessions.closed(&at("N1", 0), true);
        assert_eq!((grant(&sessions, 21, 4), sessions.count()), (Ok(()), 10));
        assert_eq!(grant(&sessions, 22, 1), Err(Full));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_granted_and_never_came_to_be_stops_counting() {
        let sessions = sessions();
        for cid in 0..4 {
            assert_eq!(grant(&sessions, cid, 1), Ok(()));
        }
        sessions.opened(&at("N1", 0), || held(1));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(grant(&sessions, 4, 1), Err(Full));
        tokio::time::advance(Duration::from_secs(1)).await;
        for cid in 5..8 {
            assert_eq!(grant(&sessions, cid, 1), Ok(()));
        }
        assert_eq!(grant(&sessions, 8, 1), Err(Full), "the one that is open counts on");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_broker_does_not_list_is_gone_and_what_it_lists_counts() {
        let sessions = sessions();
        for cid in 0..2 {
            assert_eq!(grant(&sessions, cid, 1), Ok(()));
            assert!(!sessions.opened(&at("N1", cid), || held(1)));
        }
        assert_eq!(grant(&sessions, 2, 1), Ok(()));
        tokio::time::advance(Duration::from_millis(1)).await;
        let asked = Instant::now();
        assert!(sessions.opened(&at("N1", 3), || Held { key: None, ..held(1) }), "let in before this server began");
        sessions.only(&[at("N1", 1)].into(), None, asked);
        assert_eq!(sessions.count(), 3, "and one that was granted just now, and one that began since it was asked");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_brokers_restart_the_sessions_of_the_old_one_are_in_nobodys_way() {
        let sessions = sessions();
        for cid in 0..4 {
            assert_eq!(grant(&sessions, cid, 1), Ok(()));
            sessions.opened(&at("N1", cid), || held(1));
        }
        sessions.lose_sight();
        assert_eq!(grant(&sessions, 4, 1), Err(Full), "the same broker may still have them");
        for cid in 0..4 {
            assert_eq!(sessions.grant(&at("N2", cid), key(1), held(1)), Ok(()));
        }
        assert_eq!(sessions.grant(&at("N2", 4), key(1), held(1)), Err(Full));
        tokio::time::advance(Duration::from_millis(1)).await;
        sessions.only(&HashSet::new(), None, Instant::now());
        assert_eq!(sessions.count(), 4);
    }
}
