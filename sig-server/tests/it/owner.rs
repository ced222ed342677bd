//! Somebody with a chain: signs events behind the head that they believe in.

use kez_core::sigchain::{Body, Chain, Claim, Place, Possession, Role, Unverified};
use kez_core::{SigningKey, Timestamp};

use crate::harness::{Answer, NAME, Server, key, name};

/// The owner's view of a chain; what they post is added to it.
pub(crate) struct Owner {
    pub(crate) identity: SigningKey,
    pub(crate) recovery: SigningKey,
    pub(crate) chain: Chain,
}

impl Owner {
    /// An owner whose identity key has this seed, and whose recovery key the next one. Nothing is sent.
    pub(crate) fn new(seed: u8) -> Owner {
        let (identity, recovery) = (key(seed), key(seed + 1));
        let chain = Chain::new(identity.id());
        Owner { identity, recovery, chain }
    }

    /// An owner who started a chain.
    pub(crate) async fn start(server: &Server, seed: u8) -> Owner {
        let mut owner = Owner::new(seed);
        let genesis = owner.genesis(NAME);
        owner.post(server, genesis).await.ok(201);
        owner
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/sigchains/ed25519/{}{rest}", self.chain.id().hex())
    }

    pub(crate) fn genesis(&self, server: &str) -> Vec<u8> {
        let primary = self.identity.id();
        let body = Body::Genesis { primary, rotation_keys: vec![self.recovery.id(), primary], server: name(server) };
        self.sign(&Place::genesis(primary), &body, &self.identity)
    }

    pub(crate) fn claim(&self, subject: &str, signer: &SigningKey) -> Vec<u8> {
        self.sign(&self.chain.next(), &claim(subject), signer)
    }

    pub(crate) fn device(&self, device: &SigningKey) -> Vec<u8> {
        let place = self.chain.next();
        let pop = Possession { place: &place, role: Role::Device, enc_key: None }.prove(device);
        self.sign(&place, &Body::AddDeviceKey { key: device.id(), enc_key: None, pop }, &self.identity)
    }

    pub(crate) fn moved(&self, from: &str, to: &str) -> Vec<u8> {
        self.sign(&self.chain.next(), &Body::ServerMove { from: name(from), to: name(to) }, &self.identity)
    }

    /// `primary` takes over at this place; `keep` stay rotation keys above it.
    pub(crate) fn rotation(
        &self,
        place: &Place,
        primary: &SigningKey,
        keep: &[&SigningKey],
        signer: &SigningKey,
    ) -> Vec<u8> {
        let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(primary);
        let rotation_keys = keep.iter().map(|key| key.id()).chain([primary.id()]).collect();
        self.sign(place, &Body::RotatePrimary { primary: primary.id(), rotation_keys, pop }, signer)
    }

    pub(crate) fn sign(&self, place: &Place, body: &Body, signer: &SigningKey) -> Vec<u8> {
        place.sign(body, Timestamp::from_unix(1_779_678_000), signer)
    }

    /// Sends an event; when it is accepted, it is in the owner's view too.
    pub(crate) async fn post(&mut self, server: &Server, event: Vec<u8>) -> Answer {
        let answer = server.post(&self.path("/events"), event.clone()).await;
        if answer.status == 201 {
            self.saw(&event);
        }
        answer
    }

    pub(crate) fn saw(&mut self, event: &[u8]) {
        let event = Unverified::parse(event).expect("an event");
        self.chain.append(event, Timestamp::from_unix(1_779_678_000)).expect("it fits");
    }

    pub(crate) fn head(&self) -> String {
        self.chain.head().expect("there is a genesis").hash.to_string()
    }
}

pub(crate) fn claim(subject: &str) -> Body {
    Body::ClaimAdd { claim: Claim { r#type: "dns".into(), subject: subject.into(), proof: "dns:_kez".into() } }
}
