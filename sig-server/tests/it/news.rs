//! Two services on one store, as two processes would be on a database that takes several: each believes what it has in memory
//! for as long as it hears what the other does.

use std::sync::{Arc, OnceLock};

use kez_core::SigningKey;
use kez_core::sigchain::Unverified;
use kez_http::clock::ManualClock;
use kez_sig_server::limits::Limits;
use kez_sig_server::service::{ChainPolicy, Expected, Service};
use kez_store::changes::{Change, Hearing, Listener};
use kez_store::sigchains::Sigchains;
use kez_store::sqlite;

use crate::harness::{NAME, key, name, time};
use crate::owner::{Owner, claim};

/// Tells these services of every change, of their own as well.
#[derive(Default)]
struct News(OnceLock<[Arc<Service>; 2]>);

impl Listener for News {
    fn changed(&self, change: &Change) {
        self.0.get().into_iter().flatten().for_each(|service| service.heard(change));
    }

    fn hears(&self, _: bool) {}
}

async fn service(store: &Arc<dyn Sigchains>, hearing: Hearing) -> Arc<Service> {
    let policy = ChainPolicy {
        server: name(NAME),
        registry: None,
        open_genesis_per_hour: 100,
        trusted_receipt_keys: Vec::new(),
        limits: Limits::default(),
        cache_bytes: 1 << 24,
        hearing,
    };
    let clock = Arc::new(ManualClock::new(time("2026-05-25T03:00:00Z")));
    Arc::new(Service::new(store.clone(), clock, policy, key(8)).await.expect("a service"))
}

/// Adds an event by one of the services.
async fn add(service: &Arc<Service>, owner: &mut Owner, event: Vec<u8>) {
    let unverified = Unverified::parse(&event).expect("an event");
    service.append(owner.chain.id(), unverified, Expected::Any).await.expect("it is taken");
    owner.saw(&event);
}

async fn claims(service: &Service, owner: &Owner) -> usize {
    service.claims(&owner.chain.id()).await.expect("there is a chain").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_in_memory_is_read_again_once_another_added_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let news = Arc::new(News::default());
    let store = sqlite::open_sigchains(&folder.path().join("sig.db"), news.clone()).await.expect("a store");
    let (writes, hearing) = (service(&store, Hearing::default()).await, Hearing::default());
    let reads = service(&store, hearing.clone()).await;
    let (mut owner, primary): (Owner, SigningKey) = (Owner::new(1), key(1));
    let genesis = owner.genesis(NAME);
    add(&writes, &mut owner, genesis).await;
    assert_eq!(claims(&reads, &owner).await, 0);

    // Whoever is told of nothing believes what is in memory.
    let event = owner.claim("a.example", &primary);
    add(&writes, &mut owner, event).await;
    assert_eq!(claims(&reads, &owner).await, 0);
    // Whoever cannot hear believes nothing.
    hearing.set(false);
    assert_eq!(claims(&reads, &owner).await, 1);
    let event = owner.claim("b.example", &primary);
    add(&writes, &mut owner, event).await;
    assert_eq!(claims(&reads, &owner).await, 2);
    hearing.set(true);
    let event = owner.claim("c.example", &primary);
    add(&writes, &mut owner, event).await;
    assert_eq!(claims(&reads, &owner).await, 2);
    // Whoever hears again has missed something.
    reads.missed();
    assert_eq!(claims(&reads, &owner).await, 3);

    assert!(news.0.set([writes.clone(), reads.clone()]).is_ok());
    for subjects in 4..20 {
        // Each in turn, so that each hears of its own events and adds behind those of the other.
        let by = if subjects % 2 == 0 { &writes } else { &reads };
        let place = owner.chain.next();
        let event = owner.sign(&place, &claim(&format!("{subjects}.example")), &primary);
        add(by, &mut owner, event).await;
        assert_eq!(claims(&reads, &owner).await, subjects);
    }
    store.close().await;
}
