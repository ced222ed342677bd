//! Receipts, a server's limits, and what is read in an audit log.
#![cfg(not(target_arch = "wasm32"))]

use kez_core::canonical::Object;
use kez_core::sigchain::{
    Audit, Body, Chain, Claim, Failure, MAX_CLAIMS, MAX_DEVICES, MAX_ENTRIES, MAX_PER_DEVICE, MAX_UNLISTED, Place,
    Possession, Reason, Receipt, Role, Step, Unverified,
};
use kez_core::{Code, Hash, SigningKey, Timestamp, verify_envelope};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn at() -> Timestamp {
    "2026-05-25T03:00:00Z".parse().expect("a time")
}

/// A chain of key 1, with 2 as its recovery key.
fn started() -> Chain {
    let (primary, recovery) = (key(1).id(), key(2).id());
    let mut chain = Chain::new(primary);
    let server = "kez.lat".parse().expect("a name");
    let body = Body::Genesis { primary, rotation_keys: vec![recovery, primary], server };
    let step = judge(&chain, &Place::genesis(primary), &body, &key(1));
    chain.commit(step);
    chain
}

fn judge(chain: &Chain, place: &Place, body: &Body, signer: &SigningKey) -> Step {
    let event = Unverified::parse(&place.sign(body, at(), signer)).expect("an event");
    let event = chain.authenticate(event).expect("a good signature");
    chain.judge(event, at()).expect("a legal event")
}

/// Adds an event behind the head if a server would take it.
fn add(chain: &mut Chain, body: &Body, signer: &SigningKey) -> Result<(), Reason> {
    let step = judge(chain, &chain.next(), body, signer);
    chain.within_limits(&step)?;
    chain.commit(step);
    Ok(())
}

fn claim(n: usize) -> Body {
    Body::ClaimAdd { claim: Claim { r#type: "dns".into(), subject: format!("{n}.example"), proof: "p".into() } }
}

fn note() -> Body {
    Body::Unlisted { name: "note".into(), critical: Some(false), body: Object::new() }
}

fn device(chain: &Chain, device: &SigningKey) -> Body {
    let pop = Possession { place: &chain.next(), role: Role::Device, enc_key: None }.prove(device);
    Body::AddDeviceKey { key: device.id(), enc_key: None, pop }
}

fn rotation(place: &Place, primary: &SigningKey) -> Body {
    let pop = Possession { place, role: Role::Primary, enc_key: None }.prove(primary);
    Body::RotatePrimary { primary: primary.id(), rotation_keys: vec![key(2).id(), primary.id()], pop }
}

#[test]
fn claims_devices_and_unlisted_events() {
    let mut chain = started();
    for n in 0..MAX_CLAIMS {
        assert_eq!(add(&mut chain, &claim(n), &key(1)), Ok(()));
    }
    assert_eq!(add(&mut chain, &claim(64), &key(1)), Err(Reason::LimitReached));
    let first = chain.id_at(2).expect("a claim");
    assert_eq!(add(&mut chain, &Body::ClaimRemove { claim: first }, &key(1)), Ok(()));
    assert_eq!(add(&mut chain, &claim(64), &key(1)), Ok(()));

    for n in 0..MAX_DEVICES {
        let body = device(&chain, &key(100 + u8::try_from(n).expect("it is small")));
        assert_eq!(add(&mut chain, &body, &key(1)), Ok(()));
    }
    let body = device(&chain, &key(99));
    assert_eq!(add(&mut chain, &body, &key(1)), Err(Reason::LimitReached));
    let revoked = Body::RevokeKey { key: key(100).id(), reason: kez_core::sigchain::RevokeReason::Lost };
    assert_eq!(add(&mut chain, &revoked, &key(1)), Ok(()));
    let body = device(&chain, &key(99));
    assert_eq!(add(&mut chain, &body, &key(1)), Ok(()));

    for _ in 0..MAX_UNLISTED {
        assert_eq!(add(&mut chain, &note(), &key(1)), Ok(()));
    }
    assert_eq!(add(&mut chain, &note(), &key(1)), Err(Reason::LimitReached));
    // Verification knows no limit.
    let step = judge(&chain, &chain.next(), &note(), &key(1));
    chain.commit(step);
    // A recovery makes room again, since what it displaces has left the chain.
    let place = chain.after(1).expect("the genesis is there");
    let step = judge(&chain, &place, &rotation(&place, &key(4)), &key(2));
    assert_eq!(chain.within_limits(&step), Ok(()));
    chain.commit(step);
    assert_eq!(add(&mut chain, &note(), &key(4)), Ok(()));
}

/// A stolen device writes as much as it may, then its like until the log is full: the owner still gets in.
#[test]
fn a_thief_cannot_lock_the_owner_out() {
    let mut chain = started();
    let body = device(&chain, &key(3));
    assert_eq!(add(&mut chain, &body, &key(1)), Ok(()));
    let add_and_remove = |chain: &mut Chain, signer: &SigningKey, n: usize| {
        let current = chain.state().and_then(|state| state.claims.keys().next().copied());
        add(chain, &current.map_or_else(|| claim(n), |claim| Body::ClaimRemove { claim }), signer)
    };
    for n in 0..MAX_PER_DEVICE {
        assert_eq!(add_and_remove(&mut chain, &key(3), n), Ok(()));
    }
    assert_eq!(add_and_remove(&mut chain, &key(3), 0), Err(Reason::LimitReached));
    assert_eq!(add_and_remove(&mut chain, &key(1), 0), Ok(()), "the owner goes on");

    while chain.entries() < MAX_ENTRIES {
        let step = judge(&chain, &chain.next(), &note(), &key(1));
        chain.commit(step);
    }
    assert_eq!(add(&mut chain, &claim(1), &key(1)), Err(Reason::LimitReached));
    let moved = Body::ServerMove { from: "kez.lat".parse().expect("a name"), to: "b.example".parse().expect("a name") };
    assert_eq!(add(&mut chain, &moved, &key(1)), Err(Reason::LimitReached));
    let revoked = Body::RevokeKey { key: key(3).id(), reason: kez_core::sigchain::RevokeReason::Compromised };
    assert_eq!(add(&mut chain, &revoked, &key(1)), Ok(()));
    let body = rotation(&chain.next(), &key(4));
    assert_eq!(add(&mut chain, &body, &key(2)), Ok(()));
    let claims = chain.state().map(|state| state.claims.clone()).unwrap_or_default();
    for claim in claims.keys().copied() {
        assert_eq!(add(&mut chain, &Body::ClaimRemove { claim }, &key(4)), Ok(()));
    }
    assert_eq!(add(&mut chain, &Body::Deactivate { reason: None }, &key(4)), Ok(()));
}

#[test]
fn receipts() {
    let receipt = Receipt {
        chain: key(1).id(),
        seq: 3,
        hash: Hash::of(b"event"),
        received_at: at(),
        log_index: 7,
        server: "kez.lat".parse().expect("a name"),
    };
    let text = receipt.sign(&key(8));
    assert_eq!(Receipt::verify(&text), Ok((receipt, key(8).id())));
    let verified = verify_envelope(&text).expect("an envelope like any other");
    assert_eq!((verified.payload_type.as_str(), verified.key), ("kez.sigchain.receipt", key(8).id()));

    let text = String::from_utf8(text).expect("JSON is text");
    for (from, to, code) in [
        ("\"log_index\":7", "\"log_index\":8", Code::BadSignature),
        ("\"log_index\":7", "\"log_index\":-7", Code::MalformedEnvelope),
        ("\"version\":1", "\"version\":2", Code::MalformedEnvelope),
        ("\"server\":\"kez.lat\"", "\"server\":\"kez.lat\",\"note\":1", Code::MalformedEnvelope),
        ("sigchain_receipt", "sigchain_event", Code::MalformedEnvelope),
        ("kez.sigchain.receipt", "kez.sigchain.genesis", Code::MalformedEnvelope),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        assert_eq!(Receipt::verify(changed.as_bytes()).map_err(|problem| problem.code), Err(code), "{to}");
        assert_eq!(verify_envelope(changed.as_bytes()).map_err(|problem| problem.code), Err(code), "{to}");
    }
}

#[test]
fn audit_objects() {
    let code = |text: &str| Audit::parse(text.as_bytes()).map(|_| ()).map_err(|problem| problem.code);
    assert_eq!(code("{"), Err(Code::MalformedJson));
    assert_eq!(code(r#"{"chain":"","chain":"","entries":[]}"#), Err(Code::MalformedJson));
    for bad in ["[]", "{}", r#"{"chain":1,"entries":[]}"#, r#"{"chain":"","entries":{}}"#] {
        assert_eq!(code(bad), Err(Code::MalformedEnvelope), "{bad}");
    }
    let reason = |text: String| match Audit::parse(text.as_bytes()).map(Audit::verify) {
        Ok(Err(Failure { index, reason })) => (index, reason),
        other => panic!("{other:?}"),
    };
    let chain = key(1).id();
    assert_eq!(reason(format!(r#"{{"chain":"{chain}","entries":[]}}"#)), (0, Reason::BadGenesis));
    assert_eq!(reason(format!(r#"{{"chain":"{chain}","entries":[5]}}"#)), (0, Reason::BadEnvelope));
    assert_eq!(reason(r#"{"chain":"","entries":[{"event":{},"received_at":""}]}"#.into()), (0, Reason::BadKeyEncoding));
    // An event stands three levels deep, and may nest sixteen itself.
    let nested = |levels: usize| {
        let event = "[".repeat(levels) + &"]".repeat(levels);
        format!(r#"{{"chain":"{chain}","entries":[{{"event":{event}}}]}}"#)
    };
    assert_eq!(reason(nested(16)), (0, Reason::BadEnvelope));
    assert_eq!(code(&nested(17)), Err(Code::MalformedJson));
}

#[test]
fn every_reason_has_its_own_text() {
    let texts: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(texts.len(), Reason::ALL.len());
    assert_eq!(Reason::ALL.first(), Some(&Reason::BadEnvelope));
}
