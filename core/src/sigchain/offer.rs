//! Offers of device keys: what a new device hands to one that may sign, so that the key comes into the chain.
//!
//! offer = {chain, seq, prev, key, pop[, enc_key]}. It is public, and good for one place of one chain only: whoever
//! carries it can neither change it nor use it elsewhere.

use ed25519_dalek::Signature;
use serde::Serialize;

use super::body::Body;
use super::enc_key::EncKey;
use super::place::Place;
use super::pop::Pop;
use super::possession::{Possession, Role};
use crate::canonical::{Json, Object, parse_unjudged};
use crate::hash::{Hash, decode_lower_hex};
use crate::key::{KeyId, MalformedKey, SigningKey, Suite, ed25519_key};
use crate::problem::{Code, Problem};

/// Levels that an offer's JSON nests.
const MAX_DEPTH: usize = 2;

/// An offer whose proof of possession holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Offer {
    chain: KeyId,
    seq: u64,
    prev: Hash,
    key: KeyId,
    #[serde(skip_serializing_if = "Option::is_none")]
    enc_key: Option<EncKey>,
    pop: Pop,
}

impl Offer {
    /// Offers `key` as a device at `place`; nothing can be offered before a chain has begun.
    #[must_use]
    pub fn new(place: &Place, key: &SigningKey, enc_key: Option<EncKey>) -> Option<Self> {
        let pop = Possession { place, role: Role::Device, enc_key }.prove(key);
        place.prev.map(|prev| Offer { chain: place.chain, seq: place.seq, prev, key: key.id(), enc_key, pop })
    }

    /// Reads an offer that somebody sent, and verifies its proof.
    ///
    /// # Errors
    /// [`Code::MalformedJson`]; [`Code::InvalidRequest`] when it is no offer; [`Code::MalformedKey`];
    /// [`Code::BadSignature`] when the key did not sign for this very place.
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        let Json::Object(mut members) = parse_unjudged(text, MAX_DEPTH)? else { return Err(no_offer()) };
        let offer = Offer::read(&mut members)?;
        if members.is_empty() { Ok(offer) } else { Err(no_offer()) }
    }

    /// Takes an offer's members out of `members`, and verifies its proof.
    ///
    /// # Errors
    /// Those of [`Offer::parse`], syntax aside.
    pub fn read(members: &mut Object) -> Result<Self, Problem> {
        let seq = match members.remove("seq") {
            Some(Json::Integer(seq)) => u64::try_from(seq).ok().filter(|seq| *seq > 1).ok_or_else(no_offer)?,
            _ => return Err(no_offer()),
        };
        let mut text = |name: &str| match members.remove(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(no_offer()),
        };
        let chain = text("chain")?.ok_or_else(no_offer)?;
        let prev = text("prev")?.ok_or_else(no_offer)?.parse().map_err(|_| no_offer())?;
        let key = text("key")?.ok_or_else(no_offer)?;
        let enc_key = text("enc_key")?;
        let pop = text("pop")?.as_deref().and_then(decode_lower_hex).map(Pop::from_bytes).ok_or_else(no_offer)?;
        let (chain, key) = (parse_key(&chain)?, parse_key(&key)?);
        let enc_key = enc_key.map(|text| text.parse()).transpose().map_err(malformed_key)?;
        let offer = Offer { chain, seq, prev, key, enc_key, pop };
        offer.verify()?;
        Ok(offer)
    }

    /// Where the event that adds the device has to stand.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { chain: self.chain, seq: self.seq, prev: Some(self.prev) }
    }

    /// The key that is offered.
    #[must_use]
    pub const fn key(&self) -> KeyId {
        self.key
    }

    /// What to sign at [`Offer::place`] to add the device.
    #[must_use]
    pub const fn body(&self) -> Body {
        Body::AddDeviceKey { key: self.key, enc_key: self.enc_key, pop: self.pop }
    }

    fn verify(&self) -> Result<(), Problem> {
        ed25519_key(self.chain.as_bytes()).map_err(malformed_key)?;
        let key = ed25519_key(self.key.as_bytes()).map_err(malformed_key)?;
        let place = self.place();
        let input = Possession { place: &place, role: Role::Device, enc_key: self.enc_key }.signing_input(&self.key);
        key.verify_strict(&input, &Signature::from_bytes(self.pop.as_bytes())).map_err(|_| {
            let detail = "Let the offered key sign, in `pop`, for this very chain, `seq` and `prev`.";
            Problem::new(Code::BadSignature, detail)
        })
    }
}

fn parse_key(text: &str) -> Result<KeyId, Problem> {
    let key: KeyId = text.parse().map_err(malformed_key)?;
    if key.suite() == Suite::Ed25519 { Ok(key) } else { Err(malformed_key(MalformedKey::Spelling)) }
}

fn malformed_key(error: MalformedKey) -> Problem {
    Problem::new(Code::MalformedKey, error.to_string())
}

fn no_offer() -> Problem {
    let detail = "An offer has `chain`, `seq` (at least 2), `prev`, `key`, `pop` (128 lower-case hex digits) and perhaps `enc_key`.";
    Problem::new(Code::InvalidRequest, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn place(seq: u64) -> Place {
        Place { chain: key(1).id(), seq, prev: Some(Hash::of(b"before")) }
    }

    fn judge(text: &str) -> Result<Offer, Code> {
        Offer::parse(text.as_bytes()).map_err(|problem| problem.code)
    }

    #[test]
    fn an_offer_is_read_as_it_was_made() {
        for enc_key in [None, Some(EncKey::from_bytes([7; 32]))] {
            let offer = Offer::new(&place(2), &key(2), enc_key).expect("the chain has begun");
            let text = serde_json::to_string(&offer).expect("JSON");
            assert_eq!(judge(&text), Ok(offer.clone()));
            assert_eq!((offer.place(), offer.key()), (place(2), key(2).id()));
            assert!(matches!(offer.body(), Body::AddDeviceKey { enc_key: given, .. } if given == enc_key));
        }
        assert_eq!(Offer::new(&Place::genesis(key(1).id()), &key(2), None), None);
    }

    #[test]
    fn a_proof_is_for_one_place_and_one_companion() {
        let made = serde_json::to_string(&Offer::new(&place(2), &key(2), None).expect("an offer")).expect("JSON");
        let (one, two, three) = (key(1).id().to_string(), key(2).id().to_string(), key(3).id().to_string());
        let enc_key = EncKey::from_bytes([7; 32]);
        for (from, to) in [
            ("\"seq\":2", "\"seq\":3"),
            (&*Hash::of(b"before").to_string(), &*Hash::of(b"after").to_string()),
            (&*one, &*three),
            (&*two, &*three),
            ("\"pop\"", &*format!("\"enc_key\":\"{enc_key}\",\"pop\"")),
        ] {
            let changed = made.replace(from, to);
            assert_ne!(changed, made);
            assert_eq!(judge(&changed), Err(Code::BadSignature), "{to}");
        }
        let (place, role) = (place(2), Role::Primary);
        let pop = Possession { place: &place, role, enc_key: None }.prove(&key(2));
        let Ok(Json::Object(mut members)) = crate::canonical::parse(made.as_bytes()) else { panic!("an object") };
        members.insert("pop".to_owned(), Json::String(pop.to_string()));
        assert_eq!(Offer::read(&mut members).map_err(|problem| problem.code), Err(Code::BadSignature), "a primary's");
    }

    #[test]
    fn what_is_no_offer() {
        let made = serde_json::to_string(&Offer::new(&place(2), &key(2), None).expect("an offer")).expect("JSON");
        let prev = format!("\"{}\"", Hash::of(b"before"));
        let two = key(2).id().to_string();
        for (from, to, code) in [
            ("}", "", Code::MalformedJson),
            ("}", ",\"seq\":2}", Code::MalformedJson),
            ("}", ",\"more\":2}", Code::InvalidRequest),
            ("}", ",\"ü\":2}", Code::InvalidRequest),
            ("\"seq\":2", "\"seq\":1", Code::InvalidRequest),
            ("\"seq\":2", "\"seq\":2.0", Code::InvalidRequest),
            ("\"seq\":2", "\"seq\":-2", Code::InvalidRequest),
            ("\"seq\":2", "\"seq\":\"2\"", Code::InvalidRequest),
            (&*prev, "null", Code::InvalidRequest),
            (&*prev, "\"sha256:00\"", Code::InvalidRequest),
            ("\"pop\":\"", "\"pop\":\"0", Code::InvalidRequest),
            ("\"pop\"", "\"enc_key\":null,\"pop\"", Code::InvalidRequest),
            ("\"pop\"", "\"enc_key\":\"x25519:00\",\"pop\"", Code::MalformedKey),
            (&*two, "ed25519:00", Code::MalformedKey),
            (&*two, &*two.replace("ed25519", "secp256k1"), Code::MalformedKey),
            (&*two, &*format!("ed25519:01{}", "0".repeat(62)), Code::MalformedKey),
        ] {
            let changed = made.replace(from, to);
            assert_ne!(changed, made);
            assert_eq!(judge(&changed), Err(code), "{from} → {to}");
        }
        assert_eq!(judge("[]"), Err(Code::InvalidRequest));
    }
}
