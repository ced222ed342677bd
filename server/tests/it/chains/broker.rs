//! Who gets into the broker, as a chain goes on.

use std::time::Duration;

use kez_core::subject::Subjects;
use kez_core::{KeyId, SigningKey};

use super::owner::Owner;
use crate::harness::{Server, key};
use crate::nats::raw::Raw;
use crate::nats::{Nats, on_both};

const REFUSED: &str = "Authorization Violation";

async fn beside(program: &str) -> (Nats, Server, Owner) {
    let nats = Nats::start(program, &[]).await;
    let server = nats.server(&[]).await;
    let owner = Owner::start(&server, "tudisco", 1).await;
    (nats, server, owner)
}

/// Logs in, and uses the inbox of `chain`.
async fn member(nats: &Nats, key: &SigningKey, chain: &KeyId) -> Raw {
    let mut raw = Raw::login(nats, key).await;
    raw.subscribe(&format!("{}.>", Subjects::of(chain).reply_prefix()), 1).await;
    assert_eq!(raw.settle().await, [], "the chain's subjects are its own");
    raw
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_come_in_as_their_identity_and_a_revoked_one_is_out_at_once() {
    on_both(async |program| {
        let (nats, server, mut owner) = beside(&program).await;
        let (laptop, phone) = (key(3), key(5));
        assert_eq!(Raw::try_login(&nats, &laptop).await, Err(REFUSED.to_owned()));
        for device in [&laptop, &phone] {
            let event = owner.device(device);
            owner.post(&server, &event).await.was(201);
        }
        let chain = owner.chain.id();
        let mut first = member(&nats, &owner.identity, &chain).await;
        let mut second = member(&nats, &laptop, &chain).await;
        let mut third = member(&nats, &phone, &chain).await;
        assert_eq!(Raw::try_login(&nats, &owner.recovery).await, Err(REFUSED.to_owned()), "it proved nothing");

        let event = owner.revocation(&laptop);
        owner.post(&server, &event).await.was(201);
        assert_eq!(Raw::try_login(&nats, &laptop).await, Err(REFUSED.to_owned()));
        assert!(second.ended_within(Duration::from_secs(5)).await);
        for stays in [&mut first, &mut third] {
            assert_eq!(stays.settle().await, [], "the others go on");
        }
        let store = async_nats::jetstream::new(nats.as_user("store").await);
        let stream = store.get_stream_no_info("KEZ_INBOX").await.expect("the stream");
        assert!(stream.consumer_info(chain.hex()).await.is_ok(), "the inbox is the identity's");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_out_and_a_recovery_throws_the_thief_out() {
    on_both(async |program| {
        let (nats, server, mut owner) = beside(&program).await;
        let (thief, fresh) = (key(7), key(8));
        let chain = owner.chain.id();
        let mut before = member(&nats, &owner.identity, &chain).await;
        let place = owner.chain.next();
        let event = owner.rotation(&thief, &owner.identity);
        owner.post(&server, &event).await.was(201);
        assert!(before.ended_within(Duration::from_secs(5)).await);
        assert_eq!(Raw::try_login(&nats, &owner.identity).await, Err(REFUSED.to_owned()));
        let mut thiefs = member(&nats, &thief, &chain).await;

        let event = owner.rotation_at(&place, &fresh, &owner.recovery);
        owner.post(&server, &event).await.was(201);
        assert!(thiefs.ended_within(Duration::from_secs(5)).await);
        assert_eq!(Raw::try_login(&nats, &thief).await, Err(REFUSED.to_owned()));
        drop(member(&nats, &fresh, &chain).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_identity_and_a_released_ones_devices_are_out() {
    on_both(async |program| {
        let (nats, server, mut owner) = beside(&program).await;
        let laptop = key(3);
        let event = owner.device(&laptop);
        owner.post(&server, &event).await.was(201);
        let mut other = Owner::start(&server, "other", 11).await;
        let tablet = key(13);
        let event = other.device(&tablet);
        other.post(&server, &event).await.was(201);
        let mut sessions = Vec::new();
        for (key, of) in [(&owner.identity, &owner), (&laptop, &owner), (&other.identity, &other), (&tablet, &other)] {
            sessions.push(member(&nats, key, &of.chain.id()).await);
        }
        let event = owner.deactivation();
        owner.post(&server, &event).await.was(201);
        server.post("/v1/release", server.release("other", &other.identity)).await.was(200);
        for key in [&owner.identity, &laptop, &other.identity, &tablet] {
            assert_eq!(Raw::try_login(&nats, key).await, Err(REFUSED.to_owned()));
        }
        for session in &mut sessions {
            assert!(session.ended_within(Duration::from_secs(5)).await);
        }
    })
    .await;
}
