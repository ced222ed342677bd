//! A chain of a thousand events, and what the limit program gets of it for nothing.

use ed25519_dalek::{Signature, VerifyingKey};
use kez_core::canonical::{self, Json};
use kez_core::sigchain::{Body, Chain, Claim, Entry, Place, Possession, Role, Unverified};
use kez_core::{SigningKey, Timestamp};

pub(crate) const EVENTS: usize = 1_000;
/// One event in so many adds a device and proves its key, until there are 16.
const DEVICE_EVERY: usize = 50;
const DEVICES: u8 = 16;

/// What the limit program gets for nothing.
pub(crate) struct Signed {
    key: VerifyingKey,
    message: Vec<u8>,
    sig: Signature,
}

pub(crate) struct Log {
    pub(crate) chain: Chain,
    pub(crate) texts: Vec<Vec<u8>>,
    pub(crate) entries: Vec<Entry>,
    signed: Vec<Signed>,
    pub(crate) proofs: u8,
}

impl Log {
    pub(crate) fn new() -> Self {
        let identity = SigningKey::from_seed(&[1; 32]);
        let primary = identity.id();
        let server = "kez.lat".parse().expect("the name is well formed");
        let mut log =
            Log { chain: Chain::new(primary), texts: Vec::new(), entries: Vec::new(), signed: Vec::new(), proofs: 0 };
        log.add(&Place::genesis(primary), &Body::Genesis { primary, rotation_keys: vec![primary], server }, &identity);
        while log.texts.len() < EVENTS {
            let place = log.chain.next();
            if log.texts.len().is_multiple_of(DEVICE_EVERY) && log.proofs < DEVICES {
                log.proofs += 1;
                let device = SigningKey::from_seed(&[100 + log.proofs; 32]);
                let pop = Possession { place: &place, role: Role::Device, enc_key: None }.prove(&device);
                log.add(&place, &Body::AddDeviceKey { key: device.id(), enc_key: None, pop }, &identity);
                continue;
            }
            let current = log.chain.state().and_then(|state| state.claims.keys().next().copied());
            let body = match current {
                Some(claim) => Body::ClaimRemove { claim },
                None => Body::ClaimAdd {
                    claim: Claim {
                        r#type: "https".into(),
                        subject: format!("{}.example.com", log.texts.len()),
                        proof: "https://example.com/.well-known/kez.json".into(),
                    },
                },
            };
            log.add(&place, &body, &identity);
        }
        log
    }

    fn add(&mut self, place: &Place, body: &Body, key: &SigningKey) {
        let at = Timestamp::from_unix(1_779_678_000);
        let text = place.sign(body, at, key);
        self.chain.append(Unverified::parse(&text).expect("a good event"), at).expect("a good event");
        let event = canonical::parse(&text).expect("good JSON");
        let member = |name: &str| match &event {
            Json::Object(members) => members.get(name).cloned(),
            _ => None,
        };
        let Some(Json::Object(signature)) = member("signature") else { unreachable!("it was just signed") };
        let Some(Json::String(sig)) = signature.get("sig") else { unreachable!("it was just signed") };
        self.signed.push(Signed {
            key: VerifyingKey::from_bytes(key.id().as_bytes()).expect("a good key"),
            message: place.signing_input(body, at).into_bytes(),
            sig: Signature::from_bytes(&const_hex::decode_to_array(sig).expect("it was just encoded")),
        });
        self.entries.push(Entry { event, received_at: Some(at) });
        self.texts.push(text);
    }

    /// The limit program: each event's signature, strictly, and nothing else.
    pub(crate) fn verify_signatures(&self) {
        self.signed.iter().for_each(|s| s.key.verify_strict(&s.message, &s.sig).expect("a good signature"));
    }
}
