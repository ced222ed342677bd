//! Reading contact requests: first what the envelope says and whether its signature holds, then whether the key that
//! signed stands for the identity that it speaks for.

use super::{MAX_AGE_SECS, Members, MessageId};
use crate::envelope::{Alg, Envelope, EnvelopeType, Signed};
use crate::hash::Hash;
use crate::key::KeyId;
use crate::problem::{Code, Problem};
use crate::registration::CLOCK_SKEW_SECS;
use crate::server_name::ServerName;
use crate::sigchain::Chain;
use crate::time::Timestamp;

/// A receiver, at the moment of reading.
#[derive(Clone, Copy, Debug)]
pub struct Receiver<'a> {
    /// The receiver's chain key.
    pub me: KeyId,
    /// The receiver's home server.
    pub server: &'a ServerName,
    /// The receiver's clock.
    pub now: Timestamp,
}

impl Receiver<'_> {
    /// Judges what arrived, `sender` being the key that the broker stored it under ([`crate::subject::parse_inbox`]).
    ///
    /// # Errors
    /// The first check that fails: those of [`crate::verify_envelope`], of which [`Code::KeyMismatch`] is left to
    /// [`SignedRequest`] if the signature holds; [`Code::KeyMismatch`] when it is not from `sender` or is for another
    /// recipient, [`Code::WrongServer`], and [`Code::StaleTimestamp`] when it is from the future or older than
    /// [`MAX_AGE_SECS`].
    pub fn verify(&self, text: &[u8], sender: &KeyId) -> Result<SignedRequest, Problem> {
        let envelope = Envelope::<Members>::parse(text, EnvelopeType::ContactRequest)?;
        let Signed { signer, owner: from } = envelope.verify_signature(Alg::Ed25519Sha512Jcs)?;
        let id = envelope.id();
        let (members, _) = envelope.into_parts();
        if from != *sender {
            return Err(Problem::new(Code::KeyMismatch, "Another identity delivered this request than it is from."));
        }
        if members.recipient() != Ok(self.me) {
            return Err(Problem::new(Code::KeyMismatch, "This request is for another recipient."));
        }
        if !self.server.matches(&members.server) {
            return Err(Problem::new(Code::WrongServer, format!("Sign for the server {}.", self.server)));
        }
        let age = self.now.unix() - members.created_at.unix();
        let is_future = members.created_at > self.now && age.unsigned_abs() > CLOCK_SKEW_SECS;
        if is_future || age > 0 && age.unsigned_abs() > MAX_AGE_SECS {
            return Err(Problem::new(Code::StaleTimestamp, "This request is from the future, or older than 90 days."));
        }
        Ok(SignedRequest(Received { from, signer, created_at: members.created_at, nonce: members.nonce, id }))
    }
}

/// A contact request whose signature holds, by a key that may have nothing to do with the identity that it speaks for.
/// The way to what it says leads past that question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct SignedRequest(Received);

impl SignedRequest {
    /// The chain key of the identity that it says it is from.
    #[must_use]
    pub const fn claimed_from(&self) -> KeyId {
        self.0.from
    }

    /// The key that signed.
    #[must_use]
    pub const fn signer(&self) -> KeyId {
        self.0.signer
    }

    /// The envelope's id, the same however often it is delivered.
    #[must_use]
    pub const fn id(&self) -> Hash {
        self.0.id
    }

    /// Accepts it by the chain of the identity that it is from, replayed and current; one with nothing in it where the
    /// identity has not begun any.
    ///
    /// # Errors
    /// [`Code::KeyMismatch`] for another identity's chain; [`Code::KeyNotAuthorised`] when the signer does not stand for
    /// the identity: the chain key that was rotated away does not either.
    pub fn by(self, chain: &Chain) -> Result<Received, Problem> {
        let SignedRequest(request) = self;
        if chain.id() != request.from {
            return Err(Problem::new(
                Code::KeyMismatch,
                "This is not the chain of the identity that the request is from.",
            ));
        }
        if chain.is_spoken_for_by(&request.signer) {
            return Ok(request);
        }
        let detail =
            "The key that signed is neither the primary nor an active device of the identity that the request is from.";
        Err(Problem::new(Code::KeyNotAuthorised, detail))
    }

    /// Accepts it as signed by the chain key itself, whatever became of that: for who cannot look at chains.
    ///
    /// # Errors
    /// [`Code::KeyMismatch`] when another key signed.
    pub fn from_itself(self) -> Result<Received, Problem> {
        let SignedRequest(request) = self;
        if request.signer == request.from {
            return Ok(request);
        }
        Err(Problem::new(Code::KeyMismatch, "Another key signed this request than the one that it is from."))
    }
}

/// A contact request that is what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Who asks: the identity's chain key.
    pub from: KeyId,
    /// The identity's key that signed.
    pub signer: KeyId,
    /// When, by the sender's clock.
    pub created_at: Timestamp,
    /// The sender's own name for this request.
    pub nonce: MessageId,
    /// The envelope's id, the same however often it is delivered.
    pub id: Hash,
}

#[cfg(test)]
mod tests {
    use super::super::ContactRequest;
    use super::*;
    use crate::key::SigningKey;
    use crate::sigchain::{Body, Place, Possession, RevokeReason, Role, Unverified};
    use crate::verify_envelope;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_779_678_000 + seconds)
    }

    fn request() -> ContactRequest {
        let server = "kez.lat".parse().expect("a name");
        ContactRequest { to: key(2).id(), server, created_at: time(0), nonce: MessageId::from_bytes([0xab; 16]) }
    }

    fn judge(text: &[u8], me: u8, server: &str, now: i64, sender: u8) -> Result<Received, Code> {
        let server = server.parse().expect("a name");
        let receiver = Receiver { me: key(me).id(), server: &server, now: time(now) };
        let signed = receiver.verify(text, &key(sender).id());
        signed.and_then(SignedRequest::from_itself).map_err(|problem| problem.code)
    }

    #[test]
    fn a_request_is_for_one_recipient_on_one_server() {
        let text = request().sign(key(1).id(), &key(1));
        let verified = verify_envelope(&text).expect("it verifies alone");
        let received = judge(&text, 2, "KEZ.lat", 5, 1).expect("it is mine");
        assert_eq!((received.from, received.id, received.created_at), (key(1).id(), verified.id, time(0)));
        assert_eq!(verified.payload_type, "kez.chat.contact_request");
        let shown = request().signing_input(key(1).id());
        assert!(
            String::from_utf8(text.clone()).is_ok_and(|sent| sent.contains(&shown)),
            "what is shown is what is signed"
        );
        assert_eq!(judge(&text, 3, "kez.lat", 5, 1), Err(Code::KeyMismatch), "another recipient");
        assert_eq!(judge(&text, 2, "kez.lat", 5, 3), Err(Code::KeyMismatch), "delivered by another");
        assert_eq!(judge(&text, 2, "kez.la", 5, 1), Err(Code::WrongServer));
    }

    #[test]
    fn times_are_bounded_on_both_sides() {
        let text = request().sign(key(1).id(), &key(1));
        let oldest = i64::try_from(MAX_AGE_SECS).expect("it fits");
        assert!(judge(&text, 2, "kez.lat", oldest, 1).is_ok());
        assert_eq!(judge(&text, 2, "kez.lat", oldest + 1, 1), Err(Code::StaleTimestamp));
        assert!(judge(&text, 2, "kez.lat", -300, 1).is_ok(), "clocks differ");
        assert_eq!(judge(&text, 2, "kez.lat", -301, 1), Err(Code::StaleTimestamp));
    }

    #[test]
    fn another_envelope_is_no_contact_request() {
        let handle = "tudisco".parse().expect("a handle");
        let server: ServerName = "kez.lat".parse().expect("a name");
        let text = crate::registration::Statement::registration(handle, server, time(0)).sign(&key(1));
        assert_eq!(judge(&text, 2, "kez.lat", 0, 1), Err(Code::MalformedEnvelope));
    }

    /// What the recipient makes of a request from key 1 that key `signer` signed, going by key 1's chain.
    fn judge_by(chain: &Chain, signer: u8) -> Result<KeyId, Code> {
        let text = request().sign(key(1).id(), &key(signer));
        let server = "kez.lat".parse().expect("a name");
        let receiver = Receiver { me: key(2).id(), server: &server, now: time(0) };
        let signed = receiver.verify(&text, &key(1).id()).map_err(|problem| problem.code)?;
        assert_eq!((signed.claimed_from(), signed.signer()), (key(1).id(), key(signer).id()));
        let itself = signed.clone().from_itself();
        assert_eq!(itself.is_ok(), signer == 1, "what no chain tells");
        let received = signed.by(chain).map_err(|problem| problem.code)?;
        assert_eq!(received.from, key(1).id());
        Ok(received.signer)
    }

    fn add(chain: &mut Chain, signer: u8, body: impl FnOnce(&Place) -> Body) {
        let place = chain.next();
        let event = place.sign(&body(&place), time(0), &key(signer));
        chain.append(Unverified::parse(&event).expect("an event"), time(0)).expect("it fits");
    }

    #[test]
    fn a_chain_says_who_may_sign() {
        let (ok, no) = (|seed| Ok(key(seed).id()), Err(Code::KeyNotAuthorised));
        let mut chain = Chain::new(key(1).id());
        assert_eq!([judge_by(&chain, 1), judge_by(&chain, 3)], [ok(1), no], "none has begun");
        let server: ServerName = "kez.lat".parse().expect("a name");
        let rotation_keys = vec![key(9).id(), key(1).id()];
        add(&mut chain, 1, |_| Body::Genesis { primary: key(1).id(), rotation_keys, server });
        assert_eq!([judge_by(&chain, 1), judge_by(&chain, 3)], [ok(1), no]);
        assert_eq!(judge_by(&chain, 9), no, "a key that may only rotate");
        add(&mut chain, 1, |place| {
            let pop = Possession { place, role: Role::Device, enc_key: None }.prove(&key(3));
            Body::AddDeviceKey { key: key(3).id(), enc_key: None, pop }
        });
        assert_eq!([judge_by(&chain, 1), judge_by(&chain, 3)], [ok(1), ok(3)]);
        add(&mut chain, 9, |place| {
            let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(&key(4));
            Body::RotatePrimary { primary: key(4).id(), rotation_keys: vec![key(9).id(), key(4).id()], pop }
        });
        assert_eq!([judge_by(&chain, 1), judge_by(&chain, 3), judge_by(&chain, 4)], [no, ok(3), ok(4)]);
        add(&mut chain, 4, |_| Body::RevokeKey { key: key(3).id(), reason: RevokeReason::Lost });
        assert_eq!([judge_by(&chain, 3), judge_by(&chain, 4)], [no, ok(4)]);
        add(&mut chain, 9, |_| Body::Deactivate { reason: None });
        assert_eq!(judge_by(&chain, 4), no, "nobody speaks for what is not in use");
        assert_eq!(judge_by(&Chain::new(key(3).id()), 3), Err(Code::KeyMismatch), "another identity's chain");
    }
}
