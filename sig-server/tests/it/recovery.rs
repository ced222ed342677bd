//! A thief, and the way back.

use kez_core::sigchain::{Audit, Body};
use serde_json::json;

use crate::harness::{Server, key};
use crate::owner::Owner;

#[tokio::test(flavor = "multi_thread")]
async fn a_hijack_is_undone_within_72_hours() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    let event = owner.claim("a.example", &key(1));
    owner.post(&server, event).await.ok(201);
    // The thief has the identity key, and rotates the recovery key away.
    let stolen = owner.rotation(&owner.chain.next(), &key(9), &[], &key(1));
    owner.post(&server, stolen.clone()).await.ok(201);
    let place = owner.chain.after(2).expect("the claim is there");
    let fork = owner.rotation(&place, &key(4), &[&owner.recovery], &owner.recovery);
    server.clock.advance(259_200);
    let late = owner.rotation(&place, &key(5), &[&owner.recovery], &owner.recovery);
    let evil = owner.claim("evil.example", &key(9));
    owner.post(&server, evil).await.ok(201);
    owner.post(&server, fork).await.ok(201);

    server.post(&owner.path("/events"), stolen.clone()).await.is(409, "chain_conflict", "duplicate");
    server.post(&owner.path("/events"), late).await.is(403, "key_not_authorised", "insufficient-authority");
    let summary = server.get(&owner.path("")).await.ok(200);
    assert_eq!(summary["head"], json!({ "seq": 3, "hash": owner.head() }));
    assert_eq!((&summary["count"], &summary["state"]["primary"]), (&json!(5), &json!(key(4).id().to_string())));
    let audit = server.get(&owner.path("/audit")).await;
    let entries = audit.ok(200)["entries"].clone();
    assert_eq!(entries.as_array().map(Vec::len), Some(5));
    for (n, displaced) in [false, false, true, true, false].into_iter().enumerate() {
        let by = if displaced { json!(owner.head()) } else { json!(null) };
        assert_eq!(entries[n].get("nullified_by").cloned().unwrap_or_default(), by, "{n}");
    }
    let verified = Audit::parse(&audit.bytes).expect("an audit").verify().expect("a good log");
    assert_eq!(verified.head(), owner.chain.head());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_too_late_is_too_late() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, 1).await;
    let event = owner.sign(&owner.chain.next(), &Body::Deactivate { reason: None }, &owner.identity);
    owner.post(&server, event).await.ok(201);
    let event = owner.claim("a.example", &key(1));
    owner.post(&server, event).await.is(400, "invalid_event", "deactivated");
    let place = owner.chain.after(1).expect("the genesis is there");
    let fork = owner.rotation(&place, &key(4), &[&owner.recovery], &owner.recovery);
    server.clock.advance(259_201);
    owner.post(&server, fork.clone()).await.is(400, "invalid_event", "recovery-window-closed");
    server.clock.advance(-1);
    owner.post(&server, fork).await.ok(201);
}
