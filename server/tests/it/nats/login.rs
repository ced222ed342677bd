//! Logging in, reading one's inbox, and being thrown out.

use std::time::Duration;

use futures_util::StreamExt as _;
use kez_core::subject::Subjects;
use serde_json::json;

use super::raw::{Raw, Sent};
use super::{jwt, with_user};
use crate::harness::{key, name};

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_key_gets_in_and_others_do_not() {
    let (nats, server, user) = with_user().await;
    assert_eq!(Raw::try_login(&nats, &user).await, Ok(()));
    assert_eq!(Raw::try_login(&nats, &key(2)).await, Err("Authorization Violation".to_owned()));
    server.register("other", &key(2)).await;
    assert_eq!(Raw::try_login(&nats, &key(2)).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_for_who_is_away_and_goes_once_it_is_acknowledged() {
    let (nats, server, user) = with_user().await;
    let other = key(2);
    server.register("other", &other).await;
    let (mine, theirs) = (Subjects::of(&user.id()), Subjects::of(&other.id()));
    // Their consumer is there before they log in for the first time only if somebody made it: nobody did.
    let mut sender = Raw::login(&nats, &user).await;
    sender.subscribe(&format!("{}.>", mine.reply_prefix()), 1).await;
    let reply = format!("{}.ack", mine.reply_prefix());
    for _ in 0..2 {
        sender
            .publish_with(
                &mine.send(&other.id()),
                &reply,
                &[("Nats-Msg-Id", "0123456789abcdef0123456789abcdef")],
                "hello",
            )
            .await;
        let Sent::Message { payload, .. } = sender.next().await else { panic!("no answer") };
        let ack: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
        assert_eq!((&ack["stream"], &ack["error"]), (&json!("KEZ_INBOX"), &json!(null)), "{ack}");
    }
    let mut receiver = Raw::login(&nats, &other).await;
    receiver.subscribe(&format!("{}.>", theirs.reply_prefix()), 1).await;
    let pull = json!({ "batch": 5, "expires": 300_000_000 }).to_string();
    receiver.publish(&theirs.next(), &format!("{}.pull", theirs.reply_prefix()), &pull).await;
    let Sent::Message { subject, reply: Some(ack), payload, .. } = receiver.next().await else { panic!("nothing") };
    assert_eq!(subject, format!("kez.inbox.{}.{}", other.id().hex(), user.id().hex()));
    assert_eq!(payload, b"hello");
    // Sent twice with one id, it is there once: what comes next is the end of the request.
    let Sent::Message { headers, .. } = receiver.next().await else { panic!("no end") };
    assert!(headers.contains("408"), "{headers}");
    receiver.publish(&ack, "", "+ACK").await;
    assert_eq!(receiver.settle().await, [], "the acknowledgement is allowed");
    let store = async_nats::jetstream::new(nats.as_user("store").await);
    let left = async {
        let mut stream = store.get_stream("KEZ_INBOX").await.expect("the stream");
        while stream.info().await.expect("information").state.messages != 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), left).await.expect("it goes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_ends_what_is_open_and_the_key_does_not_come_back() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    let (mut first, mut second) = (Raw::login(&nats, &user).await, Raw::login(&nats, &user).await);
    let mut stays = Raw::login(&nats, &key(2)).await;
    let released = server.post("/v1/release", server.release("tudisco", &user)).await;
    assert_eq!(released.status, 200);
    assert_eq!(Raw::try_login(&nats, &user).await, Err("Authorization Violation".to_owned()));
    assert!(first.ended_within(Duration::from_secs(5)).await && second.ended_within(Duration::from_secs(5)).await);
    assert_eq!(stays.settle().await, [], "another's session goes on");
    let store = async_nats::jetstream::new(nats.as_user("store").await);
    let stream = store.get_stream_no_info("KEZ_INBOX").await.expect("the stream");
    let gone = async {
        while stream.consumer_info(user.id().hex()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.expect("the consumer goes");
    assert!(stream.consumer_info(key(2).id().hex()).await.is_ok());
}

/// The broker lists nobody yet when the key goes, and then believes an answer that was on its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_on_its_way_while_its_key_went_is_out_all_the_same() {
    let (nats, server, user) = with_user().await;
    // A slow member of the queue group, which shares the questions with the server.
    let slow = nats.as_user("auth").await;
    let mut asked = slow.queue_subscribe("$SYS.REQ.USER.AUTH", "kez-auth".to_owned()).await.expect("a place");
    slow.flush().await.expect("it is there");
    let (question, login) = loop {
        let mut raw = Raw::open(&nats).await;
        let proof = raw.proof(&user, &name());
        let mut login = Box::pin(async move { raw.connect(proof).await.map(|()| raw) });
        tokio::select! {
            question = asked.next() => break (question.expect("a question"), login),
            done = &mut login => drop(done.expect("the server let it in")),
        }
    };
    assert_eq!(server.post("/v1/release", server.release("tudisco", &user)).await.status, 200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let request = jwt::claims(std::str::from_utf8(&question.payload).expect("a JWT"));
    let issuer = crate::init::public(&nats.out, "issuer");
    let yes = jwt::permission(&request, &issuer, &jwt::seed(&nats, "issuer"));
    slow.publish(question.reply.expect("a reply"), yes.into()).await.expect("it is sent");
    let mut late = login.await.expect("the broker believes it");
    assert!(late.ended_within(Duration::from_secs(5)).await);
}
