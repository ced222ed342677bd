//! Who gets into the broker, as a chain goes on.

use std::time::Duration;

use kez_core::subject::Subjects;
use kez_core::{KeyId, SigningKey};

use super::owner::Owner;
use crate::harness::{Server, key};
use crate::nats::Nats;
use crate::nats::raw::Raw;

const REFUSED: &str = "Authorization Violation";

async fn beside() -> (Nats, Server, Owner) {
    let nats = Nats::start(&[]).await;
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
    let (nats, server, mut owner) = beside().await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_out_and_a_recovery_throws_the_thief_out() {
    let (nats, server, mut owner) = beside().await;
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
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_identity_and_a_released_ones_devices_are_out() {
    let (nats, server, mut owner) = beside().await;
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
}

/// All that many keys end at once is looked for at once, and what ends meanwhile does not wait behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_goes_while_a_large_family_does_is_out_as_soon() {
    let (nats, server, mut owner) = beside().await;
    let devices: Vec<SigningKey> = (30..37).map(key).collect();
    for device in &devices {
        let event = owner.device(device);
        owner.post(&server, &event).await.was(201);
    }
    let mut other = Owner::start(&server, "other", 11).await;
    let tablet = key(13);
    let event = other.device(&tablet);
    other.post(&server, &event).await.was(201);
    let mut sessions = vec![member(&nats, &owner.identity, &owner.chain.id()).await];
    for device in &devices {
        sessions.push(member(&nats, device, &owner.chain.id()).await);
    }
    sessions.push(member(&nats, &tablet, &other.chain.id()).await);

    server.post("/v1/release", server.release("tudisco", &owner.identity)).await.was(200);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let event = other.revocation(&tablet);
    other.post(&server, &event).await.was(201);
    let ended = sessions.iter_mut().map(|session| session.ended_within(Duration::from_millis(3500)));
    assert!(futures_util::future::join_all(ended).await.into_iter().all(|ended| ended));
}

/// A server that was away does not know which key a session is of.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_while_the_server_was_away_is_ended_when_it_is_back() {
    let (nats, server, mut owner) = beside().await;
    let (laptop, phone) = (key(3), key(5));
    for device in [&laptop, &phone] {
        let event = owner.device(device);
        owner.post(&server, &event).await.was(201);
    }
    server.register("leaves", &key(21)).await;
    let mut stays = Owner::start(&server, "other", 11).await;
    let tablet = key(13);
    let event = stays.device(&tablet);
    stays.post(&server, &event).await.was(201);
    let mut revoked = member(&nats, &laptop, &owner.chain.id()).await;
    let mut released = member(&nats, &key(21), &key(21).id()).await;
    let mut others = member(&nats, &tablet, &stays.chain.id()).await;

    // Meanwhile a server without the broker.
    let server = Server::start_by_the_machines_clock(server.stop().await, &[]).await;
    let event = owner.revocation(&laptop);
    owner.post(&server, &event).await.was(201);
    server.post("/v1/release", server.release("leaves", &key(21))).await.was(200);
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = Server::start_by_the_machines_clock(server.stop().await, &flags).await;
    server.wait_until_ready().await;
    assert!(revoked.ended_within(Duration::from_secs(5)).await, "a device that was revoked");
    assert!(released.ended_within(Duration::from_secs(5)).await, "a handle that was released");
    assert_eq!(others.settle().await, [], "whose chain lost no key goes on");
    assert_eq!(Raw::try_login(&nats, &laptop).await, Err(REFUSED.to_owned()));
    drop(member(&nats, &phone, &owner.chain.id()).await);
    let store = async_nats::jetstream::new(nats.as_user("store").await);
    let stream = store.get_stream_no_info("KEZ_INBOX").await.expect("the stream");
    assert!(stream.consumer_info(key(21).id().hex()).await.is_err(), "the inbox of a released handle is gone");
}
