//! Filling the inboxes' stream from one name.

use std::time::Duration;

use kez_chat_server::limits::BrokerLimits;
use kez_core::{KeyId, SigningKey};
use serde_json::{Value, json};

use crate::harness::{Server, key};
use crate::nats::member::Member;
use crate::nats::raw::{Raw, Sent};
use crate::nats::state::Store;
use crate::nats::{Nats, with_user};

/// By when somebody who sent too much has lost the right to.
const LOST: Duration = Duration::from_secs(5);
/// How long anything else may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the member may send: the broker says so at once, and ends nothing for it.
async fn may_send(member: &mut Member, to: &KeyId) -> bool {
    let (subject, reply) = (member.subjects.send(to), member.reply());
    member.raw.publish_with(&subject, &reply, &[("Nats-Expected-Stream", "NONE")], "").await;
    match member.raw.next().await {
        Sent::Message { .. } => true,
        Sent::Error(text) => {
            assert!(text.starts_with("Permissions Violation for Publish"), "{text}");
            false
        }
        other => panic!("{other:?}"),
    }
}

/// A session that may send, or may not, as soon as there is one.
pub(crate) async fn session(nats: &Nats, key: &SigningKey, is_to_send: bool) -> Member {
    let found = async {
        loop {
            if Raw::try_login(nats, key).await.is_ok() {
                let mut member = Member::login(nats, key).await;
                if may_send(&mut member, &key.id()).await == is_to_send {
                    return member;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("its rights change")
}

/// So many messages for each identity, whatever the stream's size.
fn at_most(messages: u64) -> BrokerLimits {
    BrokerLimits { waiting_bytes: messages * 12_288, waiting_share: 1, ..BrokerLimits::default() }
}

async fn acknowledge(member: &mut Member, count: u32) {
    for message in member.pull(count).await {
        member.raw.publish(&message.ack, &member.reply(), "+ACK").await;
        assert!(matches!(member.raw.next().await, Sent::Message { .. }), "it is confirmed");
    }
}

async fn scene(limits: BrokerLimits, flags: &[&str]) -> (Nats, Server) {
    let nats = Nats::start(&[]).await;
    let server = nats.server_limited(limits, flags).await;
    for (seed, handle) in (1..).zip(["sender", "first", "second"]) {
        server.register(handle, &key(seed)).await;
    }
    (nats, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_too_much_waiting_only_reads_until_it_is_less() {
    let (nats, _server) = scene(at_most(20), &[]).await;
    let (sender, first, second) = (key(1), key(2), key(3));
    let mut own = Member::login(&nats, &sender).await;
    let mut also = Member::login(&nats, &sender).await;
    for (to, count) in [(&first, 16), (&second, 4)] {
        for _ in 0..count {
            assert_eq!(own.send(&to.id(), &[], "x").await["error"], json!(null));
        }
    }
    // Twenty are no reason: the session goes on.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(own.send(&second.id(), &[], "one too many").await["error"], json!(null));
    assert!(own.raw.ended_within(LOST).await && also.raw.ended_within(LOST).await);
    let mut own = session(&nats, &sender, false).await;
    // Reading goes on, and others send.
    let mut reader = Member::login(&nats, &first).await;
    assert_eq!(reader.send(&sender.id(), &[], "to who only reads").await["error"], json!(null));
    assert_eq!(own.pull(1).await[0].payload, "to who only reads");
    // One less, and it may send again: the session ends, and the next one may.
    acknowledge(&mut reader, 1).await;
    assert!(own.raw.ended_within(PATIENCE).await);
    let mut own = session(&nats, &sender, true).await;
    assert_eq!(own.send(&first.id(), &[], "again").await["error"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_to_nobody_loses_the_right_for_an_hour_and_what_waits_there_goes() {
    let limits = BrokerLimits { to_nobody_for: Duration::from_secs(12), ..BrokerLimits::default() };
    let (nats, server) = scene(limits, &[]).await;
    let (sender, first) = (key(1), key(2));
    let store = Store::open(&nats).await;
    let mut own = Member::login(&nats, &sender).await;
    assert_eq!(own.send(&first.id(), &[], "to somebody").await["error"], json!(null));
    let prefix = format!("kez.send.{}", sender.id().hex());
    // Sixteen mistakes are overlooked, of every kind. The last two the broker keeps where they were published.
    let long = "y".repeat(3_000);
    let names = ["nobody", "$x~", "\u{e4}", &long, "*", ">"];
    for name in names {
        own.raw.publish(&format!("{prefix}.{name}"), "", "made up").await;
    }
    own.raw.send("").await;
    assert!(own.raw.try_send(format!("PUB {prefix}.").as_bytes()).await);
    assert!(own.raw.try_send(b"\xff\xfe 1\r\nx\r\n").await);
    for at in 0..9 {
        assert_eq!(own.send(&key(100 + at).id(), &[], "made up").await["error"], json!(null));
    }
    let only_one_is_left = async {
        while store.messages().await.iter().map(|(_, _, text)| text.as_str()).collect::<Vec<_>>() != ["to somebody"] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, only_one_is_left).await.expect("what waits for nobody goes");
    assert!(may_send(&mut own, &first.id()).await);
    own.send(&key(120).id(), &[], "the seventeenth").await;
    assert!(own.raw.ended_within(LOST).await);
    let since = std::time::Instant::now();
    drop(session(&nats, &sender, false).await);
    // Not only until it is gone, and not only at this connection.
    while since.elapsed() < Duration::from_secs(8) {
        let mut own = session(&nats, &sender, false).await;
        assert!(!may_send(&mut own, &first.id()).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    session(&nats, &sender, true).await;
    assert!(since.elapsed() >= Duration::from_secs(11), "{:?}", since.elapsed());
    assert_eq!(server.get("/v1/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_stream_that_is_nearly_full_the_largest_sender_makes_room() {
    let (nats, _server) = scene(at_most(60), &["--nats-inbox-bytes", "1048576"]).await;
    let (large, small, reader) = (key(1), key(2), key(3));
    let store = Store::open(&nats).await;
    let (mut one, mut other) = (Member::login(&nats, &large).await, Member::login(&nats, &small).await);
    let text = "x".repeat(12_000);
    for (member, count) in [(&mut one, 16), (&mut other, 3)] {
        for _ in 0..count {
            assert_eq!(member.send(&reader.id(), &[], &text).await["error"], json!(null));
        }
    }
    for at in 0..50 {
        assert_eq!(store.send(&key(50 + at / 10).id(), &reader.id(), &text).await["error"], json!(null));
    }
    assert!(one.raw.ended_within(LOST).await);
    drop(session(&nats, &large, false).await);
    assert!(may_send(&mut other, &reader.id()).await, "whoever has little there goes on");
    let mut reader = Member::login(&nats, &reader).await;
    acknowledge(&mut reader, 64).await;
    session(&nats, &large, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_before_the_server_began_counts_too() {
    let (nats, server) = scene(BrokerLimits::default(), &[]).await;
    let sender = key(1);
    let folder = server.stop().await;
    let store = Store::open(&nats).await;
    for to in [key(2), key(3)] {
        for _ in 0..16 {
            assert_eq!(store.send(&sender.id(), &to.id(), "x").await["error"], json!(null));
        }
    }
    for at in 0..40 {
        assert_eq!(store.send(&key(5).id(), &key(100 + at).id(), "to nobody").await["error"], json!(null));
    }
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let limits = kez_chat_server::limits::Limits { broker: at_most(30), ..Default::default() };
    let parts = kez_chat_server::Parts { limits, ..Default::default() };
    let server = Server::start_with_parts(folder, &flags, parts).await;
    server.wait_until_ready().await;
    server.register("fifth", &key(5)).await;
    drop(session(&nats, &sender, false).await);
    drop(session(&nats, &key(5), false).await);
    assert_eq!(store.messages().await.len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_an_earlier_release_is_put_right_and_nothing_in_it_is_lost() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    let store = Store::open(&nats).await;
    let right = store.setup().await["streams"][0].clone();
    assert_eq!((&right["max_msg_size"], &right["duplicate_window"]), (&json!(12_288), &json!(10_000_000_000_u64)));
    let folder = server.stop().await;
    let mut earlier = right.clone();
    earlier["max_msg_size"] = json!(65_536);
    earlier["duplicate_window"] = json!(600_000_000_000_u64);
    store.change("STREAM.UPDATE.KEZ_INBOX", earlier).await;
    let large = "x".repeat(60_000);
    assert_eq!(store.send(&key(2).id(), &user.id(), &large).await["error"], json!(null));
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = Server::start_by_the_machines_clock(folder, &flags).await;
    server.wait_until_ready().await;
    assert_eq!(store.setup().await["streams"][0], right);
    let mut member = Member::login(&nats, &user).await;
    assert_eq!(member.pull(1).await[0].payload, large);
    let again: Value = store.send(&key(2).id(), &user.id(), &large).await;
    assert_eq!(again["error"]["err_code"], 10_054, "{again}");
}
