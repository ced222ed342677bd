//! Those who sign: for handles, and events of their chains.

use std::sync::atomic::{AtomicU64, Ordering};

use kez_core::contact_request::MessageId;
use kez_core::key_packages::{AdmittedClaim, AdmittedUpload, Claim as KeyPackageClaim, KeyPackage, Upload};
use kez_core::registration::Statement;
use kez_core::sigchain::{Body, Chain, Claim, Place, Possession, RevokeReason, Role, Summary, Unverified};
use kez_core::{Admission, Admitted, Handle, KeyId, ServerName, SigningKey, Timestamp};
use kez_store::Store;
use kez_store::StoreError;
use kez_store::followed::Followed;
use kez_store::handles::{Refusal, Registered};
use kez_store::key_packages::{Claimed, Given, UploadRefusal, Uploaded};
use kez_store::sigchains::{Append, NewEntry, NotStored, Row};

/// When the stories begin, as Unix seconds.
const START: i64 = 1_779_678_000;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(START + seconds)
}

pub(crate) fn server() -> ServerName {
    "kez.test".parse().expect("a name")
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn handle(text: &str) -> Handle {
    text.parse().expect("a handle")
}

/// That `key` takes a handle.
pub(crate) fn claim(name: &str, key: &SigningKey, now: Timestamp) -> Admitted {
    let envelope = Statement::registration(handle(name), server(), now).sign(key);
    Admission { server: &server(), now }.registration(&envelope).expect("a good one")
}

/// That `key` gives a handle back.
pub(crate) fn release(name: &str, key: &SigningKey, now: Timestamp) -> Admitted {
    let envelope = Statement::release(handle(name), server(), now).sign(key);
    Admission { server: &server(), now }.release(&envelope).expect("a good one")
}

/// Registers at the beginning.
pub(crate) async fn register(store: &dyn Store, name: &str, key: &SigningKey) -> Result<Registered, Refusal> {
    store.register(claim(name, key, at(0)), at(0)).await.expect("the database is there")
}

/// Somebody with a chain, as they believe it to be.
#[derive(Clone)]
pub(crate) struct Owner {
    /// The seed of the primary.
    pub(crate) seed: u8,
    pub(crate) chain: Chain,
}

impl Owner {
    pub(crate) fn new(seed: u8) -> Owner {
        Owner { seed, chain: Chain::new(key(seed).id()) }
    }

    /// Somebody with a handle and a genesis.
    pub(crate) async fn start(store: &dyn Store, name: &str, seed: u8) -> Owner {
        register(store, name, &key(seed)).await.expect("the handle is free");
        let mut owner = Owner::new(seed);
        owner.begin(store).await;
        owner
    }

    pub(crate) fn id(&self) -> KeyId {
        self.chain.id()
    }

    pub(crate) fn primary(&self) -> SigningKey {
        key(self.seed)
    }

    /// Stores the genesis.
    pub(crate) async fn begin(&mut self, store: &dyn Store) {
        let genesis = self.genesis();
        self.store(store, &genesis).await.expect("the database is there").expect("it is stored");
    }

    pub(crate) fn genesis(&self) -> Vec<u8> {
        let primary = self.primary().id();
        let body = Body::Genesis { primary, rotation_keys: vec![primary], server: server() };
        Place::genesis(primary).sign(&body, at(0), &self.primary())
    }

    pub(crate) fn device(&self, device: &SigningKey) -> Vec<u8> {
        let place = self.chain.next();
        let pop = Possession { place: &place, role: Role::Device, enc_key: None }.prove(device);
        place.sign(&Body::AddDeviceKey { key: device.id(), enc_key: None, pop }, at(0), &self.primary())
    }

    pub(crate) fn revocation(&self, device: &SigningKey) -> Vec<u8> {
        let body = Body::RevokeKey { key: device.id(), reason: RevokeReason::Lost };
        self.chain.next().sign(&body, at(0), &self.primary())
    }

    pub(crate) fn deactivation(&self) -> Vec<u8> {
        self.chain.next().sign(&Body::Deactivate { reason: None }, at(0), &self.primary())
    }

    pub(crate) fn claimed(&self, subject: &str) -> Vec<u8> {
        let claim =
            Claim { r#type: "dns".to_owned(), subject: subject.to_owned(), proof: format!("dns:_kez.{subject}") };
        self.chain.next().sign(&Body::ClaimAdd { claim }, at(0), &self.primary())
    }

    /// The key with this seed takes over.
    pub(crate) fn rotation(&self, seed: u8) -> Vec<u8> {
        let (place, primary) = (self.chain.next(), key(seed));
        let pop = Possession { place: &place, role: Role::Primary, enc_key: None }.prove(&primary);
        let body = Body::RotatePrimary { primary: primary.id(), rotation_keys: vec![primary.id()], pop };
        place.sign(&body, at(0), &self.primary())
    }

    /// An event, judged: what there is to store.
    pub(crate) fn append(&self, event: &[u8]) -> Append {
        let chain = &self.chain;
        let event = chain.authenticate(Unverified::parse(event).expect("an event")).expect("it is signed");
        let step = chain.judge(event, at(1)).expect("it fits");
        let after = chain.summary_after(&step).expect("it is next");
        let event = step.event();
        let (seq, id, bytes) = (event.seq(), event.id(), event.canonical_bytes().to_vec());
        let entries = vec![NewEntry { seq, id, event: bytes, received_at: at(1) }];
        Append { chain: chain.id(), behind: chain.entries() as u64, entries, after }
    }

    /// Has an event stored, and takes note of it when it is.
    pub(crate) async fn store(
        &mut self,
        store: &dyn Store,
        event: &[u8],
    ) -> Result<Result<Vec<Row>, NotStored>, StoreError> {
        let stored = store.append(self.append(event)).await;
        if matches!(stored, Ok(Ok(_))) {
            self.saw(event);
        }
        stored
    }

    pub(crate) fn saw(&mut self, event: &[u8]) {
        self.chain.append(Unverified::parse(event).expect("an event"), at(1)).expect("it fits");
    }

    /// The whole chain as another server's.
    pub(crate) fn followed(&self) -> Followed {
        let summary: Summary = self.chain.summary().expect("there is a genesis");
        Followed { summary, claims: self.chain.state().map(|state| state.claims.clone()) }
    }
}

/// A key package that differs from those of other numbers.
pub(crate) fn package(number: u16) -> KeyPackage {
    let bytes = [&[0, 1, 0, 5, 0, 1, 0, 3][..], &number.to_be_bytes(), &[7; 60]].concat();
    KeyPackage::from_bytes(bytes).expect("it begins as one")
}

/// An upload of key packages, each unlike every other.
#[derive(Clone)]
pub(crate) struct Putting {
    pub(crate) device: u8,
    pub(crate) chain: KeyId,
    pub(crate) now: Timestamp,
    pub(crate) replace: bool,
    pub(crate) packages: Vec<u16>,
    pub(crate) last_resort: Option<u16>,
}

impl Putting {
    /// Of a device of `chain`, at the beginning, without a last resort.
    pub(crate) fn of(device: u8, chain: KeyId, packages: impl IntoIterator<Item = u16>) -> Putting {
        let packages = packages.into_iter().collect();
        Putting { device, chain, now: at(0), replace: false, packages, last_resort: None }
    }

    pub(crate) fn with_last_resort(self, number: u16) -> Putting {
        Putting { last_resort: Some(number), ..self }
    }

    pub(crate) fn at(self, now: Timestamp) -> Putting {
        Putting { now, ..self }
    }

    pub(crate) fn replacing(self) -> Putting {
        Putting { replace: true, ..self }
    }

    pub(crate) fn admitted(&self) -> AdmittedUpload {
        let upload = Upload {
            chain: self.chain,
            server: server(),
            created_at: self.now,
            nonce: nonce(),
            replace: self.replace,
            packages: self.packages.iter().copied().map(package).collect(),
            last_resort: self.last_resort.map(package),
        };
        let text = upload.sign(&key(self.device));
        Admission { server: &server(), now: self.now }.key_packages(&text).expect("a good one")
    }

    /// Makes it.
    pub(crate) async fn put(&self, store: &dyn Store) -> Result<Uploaded, UploadRefusal> {
        store.put_packages(self.admitted(), self.now).await.expect("the database is there")
    }

    /// Makes it, and gives what is there now: how many, and whether one of last resort.
    pub(crate) async fn taken(&self, store: &dyn Store) -> (u64, bool) {
        let uploaded = self.put(store).await.expect("it is taken");
        assert!(uploaded.is_new);
        (uploaded.held.available, uploaded.held.has_last_resort)
    }
}

/// A claim by the key of `from` itself, unlike every other.
pub(crate) fn claiming(from: u8, to: KeyId, devices: &[u8], now: Timestamp) -> AdmittedClaim {
    claiming_by(from, key(from).id(), to, devices, now)
}

/// A claim by any key.
pub(crate) fn claiming_by(signer: u8, from: KeyId, to: KeyId, devices: &[u8], now: Timestamp) -> AdmittedClaim {
    let devices = devices.iter().map(|device| key(*device).id()).collect();
    let claim = KeyPackageClaim { from, to, server: server(), created_at: now, nonce: nonce(), devices };
    Admission { server: &server(), now }.key_package_claim(&claim.sign(&key(signer))).expect("a good one")
}

/// What a claim got: packages by their numbers, whether each is a last resort; and how many devices have none.
pub(crate) fn got(claimed: &Claimed) -> (Vec<(u16, bool)>, usize) {
    let number = |given: &Given| (u16::from_be_bytes([given.package[8], given.package[9]]), given.is_last_resort);
    (claimed.packages.iter().map(number).collect(), claimed.missing.len())
}

/// Claims, and gives what it got.
pub(crate) async fn claimed(store: &dyn Store, claim: AdmittedClaim, now: Timestamp) -> (Vec<(u16, bool)>, usize) {
    got(&store.claim_packages(claim, now).await.expect("the database is there").expect("it may"))
}

fn nonce() -> MessageId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    MessageId::from_bytes(bytes)
}
