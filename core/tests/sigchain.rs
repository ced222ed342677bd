//! Receipts, and what is read in an audit log.
#![cfg(not(target_arch = "wasm32"))]

use kez_core::receipt::Receipt;
use kez_core::sigchain::{Audit, Body, Failure, Place, Reason};
use kez_core::{Code, Hash, SigningKey, Timestamp, verify_envelope};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn at() -> Timestamp {
    "2026-05-25T03:00:00Z".parse().expect("a time")
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
    // In any order and spelling, among what is nobody's business.
    let primary = key(1).id();
    let body = Body::Genesis { primary, rotation_keys: vec![primary], server: "kez.lat".parse().expect("a name") };
    let genesis = Place::genesis(primary).sign(&body, at(), &key(1));
    let event = String::from_utf8(genesis.clone()).expect("JSON");
    let receipt = r#"{"kez" : "sigchain_receipt"}"#;
    let entry =
        format!(r#"{{"received_at":"2026-05-25T03:00:00Z", "receipt":{receipt},"no\u0074e":[1.5], "event":{event}}}"#);
    let text = format!(" {{\"\u{e9}\":{{}},\"\\u0065ntries\" : [ {entry} , 5 ],\n\"chain\":\"{chain}\"}}\n");
    let audit = Audit::parse(text.as_bytes()).expect("an audit log");
    assert_eq!((audit.len(), audit.is_empty(), audit.entries().len()), (2, false, 2));
    let first = audit.entries().next().expect("two entries");
    assert_eq!(first.entry.event.to_canonical(), genesis);
    assert_eq!(first.receipt, Some(receipt.as_bytes()));
    assert_eq!(reason(text), (1, Reason::BadEnvelope));
    for broken in [
        format!(r#"{{"chain":"{chain}","entries":[],"entries":[]}}"#),
        format!(r#"{{"chain":"{chain}","entries":[{{"event":1,"event":1}}]}}"#),
        format!(r#"{{"chain":"{chain}","entries":[{{}}{{}}]}}"#),
        format!(r#"{{"chain":"{chain}","entries":[{{}},]}}"#),
        format!(r#"{{"chain":"{chain}","entries":[{{}}]"#),
        format!(r#"{{"chain":"{chain}","entries":[]}}}}"#),
    ] {
        assert_eq!(code(&broken), Err(Code::MalformedJson), "{broken}");
    }
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
