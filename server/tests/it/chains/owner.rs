//! Somebody with a handle and a chain: signs events behind the head that they believe in.

use kez_core::sigchain::{Body, Chain, Claim, Place, Possession, RevokeReason, Role, Unverified};
use kez_core::{KeyId, SigningKey, Timestamp};

use crate::harness::{Answer, Server, key, name};

/// The owner's view of a chain; what is accepted is added to it.
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

    /// An owner with a handle and a genesis.
    pub(crate) async fn start(server: &Server, handle: &str, seed: u8) -> Owner {
        let mut owner = Owner::new(seed);
        server.register(handle, &owner.identity).await;
        let genesis = owner.genesis();
        owner.post(server, &genesis).await.was(201);
        owner
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/sigchains/ed25519/{}{rest}", self.chain.id().hex())
    }

    pub(crate) fn head(&self) -> String {
        self.chain.head().expect("there is a genesis").hash.to_string()
    }

    pub(crate) fn genesis(&self) -> Vec<u8> {
        let primary = self.identity.id();
        let body = Body::Genesis { primary, rotation_keys: vec![self.recovery.id(), primary], server: name() };
        sign(&Place::genesis(primary), &body, &self.identity)
    }

    pub(crate) fn device(&self, device: &SigningKey) -> Vec<u8> {
        self.device_by(device, &self.identity)
    }

    pub(crate) fn device_by(&self, device: &SigningKey, signer: &SigningKey) -> Vec<u8> {
        let place = self.chain.next();
        let pop = Possession { place: &place, role: Role::Device, enc_key: None }.prove(device);
        sign(&place, &Body::AddDeviceKey { key: device.id(), enc_key: None, pop }, signer)
    }

    pub(crate) fn revocation(&self, device: &SigningKey) -> Vec<u8> {
        self.revocation_by(device, &self.identity)
    }

    pub(crate) fn revocation_by(&self, device: &SigningKey, signer: &SigningKey) -> Vec<u8> {
        let body = Body::RevokeKey { key: device.id(), reason: RevokeReason::Lost };
        sign(&self.chain.next(), &body, signer)
    }

    pub(crate) fn claim(&self, kind: &str, subject: &str, proof: &str) -> Vec<u8> {
        let claim = Claim { r#type: kind.to_owned(), subject: subject.to_owned(), proof: proof.to_owned() };
        sign(&self.chain.next(), &Body::ClaimAdd { claim }, &self.identity)
    }

    pub(crate) fn unclaim(&self, id: &str) -> Vec<u8> {
        let body = Body::ClaimRemove { claim: id.parse().expect("an id") };
        sign(&self.chain.next(), &body, &self.identity)
    }

    pub(crate) fn deactivation(&self) -> Vec<u8> {
        sign(&self.chain.next(), &Body::Deactivate { reason: None }, &self.recovery)
    }

    /// `primary` takes over behind the head; the recovery key stays above it.
    pub(crate) fn rotation(&self, primary: &SigningKey, signer: &SigningKey) -> Vec<u8> {
        self.rotation_at(&self.chain.next(), primary, signer)
    }

    /// The same at another place: a fork.
    pub(crate) fn rotation_at(&self, place: &Place, primary: &SigningKey, signer: &SigningKey) -> Vec<u8> {
        rotation_to(place, primary, vec![self.recovery.id(), primary.id()], signer)
    }

    /// Sends an event; when it is accepted, it is in the owner's view too.
    pub(crate) async fn post(&mut self, server: &Server, event: &[u8]) -> Answer {
        let answer = server.post(&self.path("/events"), event).await;
        if answer.status == 201 {
            self.saw(event);
        }
        answer
    }

    /// An accepted event comes into the owner's view.
    pub(crate) fn saw(&mut self, event: &[u8]) {
        let event = Unverified::parse(event).expect("an event");
        self.chain.append(event, Timestamp::from_unix(1_779_678_000)).expect("it fits");
    }
}

/// `primary` takes over at `place`, with these rotation keys.
pub(crate) fn rotation_to(
    place: &Place,
    primary: &SigningKey,
    rotation_keys: Vec<KeyId>,
    signer: &SigningKey,
) -> Vec<u8> {
    let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(primary);
    sign(place, &Body::RotatePrimary { primary: primary.id(), rotation_keys, pop }, signer)
}

pub(crate) fn sign(place: &Place, body: &Body, signer: &SigningKey) -> Vec<u8> {
    place.sign(body, Timestamp::from_unix(1_779_678_000), signer)
}

impl Answer {
    /// Asserts the status, showing the body when it is another.
    pub(crate) fn was(&self, status: u16) {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
    }

    /// Asserts a refusal by its status, code and reason.
    pub(crate) fn was_for(&self, status: u16, code: &str, reason: &str) {
        self.is(status, code);
        assert_eq!(self.json()["reason"], reason, "{}", self.json());
    }
}
