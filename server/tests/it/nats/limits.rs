//! How much one user can take up, and what stays of a released handle: nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::member::Member;
use super::raw::{Raw, Sent};
use super::state::Store;
use super::{Nats, with_user};
use crate::harness::{key, name};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_64_subscriptions() {
    let (nats, _server, user) = with_user().await;
    let mut member = Member::login(&nats, &user).await;
    let prefix = member.subjects.reply_prefix();
    for at in 2..=64 {
        member.raw.subscribe(&format!("{prefix}.{at}"), at).await;
    }
    assert_eq!(member.raw.settle().await, []);
    member.raw.subscribe(&format!("{prefix}.65"), 65).await;
    let said = member.raw.settle().await;
    assert_eq!(said.first(), Some(&Sent::Error("maximum subscriptions exceeded".to_owned())), "{said:?}");
    // The account's limit is one connection's.
    Member::login(&nats, &user).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_12288_bytes_a_line_65536_and_a_login_4096() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    let mut member = Member::login(&nats, &user).await;
    let (subject, reply) = (member.subjects.send(&key(2).id()), member.reply());
    // The header's lines count, as the broker counts them.
    let (id, head) =
        ([("Nats-Msg-Id", "0123456789abcdef0123456789abcdef")], "NATS/1.0\r\nNats-Msg-Id: \r\n\r\n".len() + 32);
    for (headers, length, is_taken) in [
        (&[][..], 12_288 - "NATS/1.0\r\n\r\n".len(), true),
        (&id, 12_288 - head, true),
        (&id, 12_289 - head, false),
        (&[], 60_000, false),
    ] {
        let ack = member.send(&key(2).id(), headers, &"x".repeat(length)).await;
        assert_eq!(ack["error"]["err_code"].as_u64(), (!is_taken).then_some(10_054), "{length}: {ack}");
    }
    member.raw.publish(&subject, &reply, &"x".repeat(65_536)).await;
    let Sent::Message { payload, .. } = member.raw.next().await else { panic!("no PubAck") };
    let ack: Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(ack["error"]["err_code"], 10_054, "{ack}");
    member.raw.publish(&subject, &reply, &"x".repeat(65_537)).await;
    assert_eq!(member.raw.next().await, Sent::Error("Maximum Payload Violation".to_owned()));
    assert_eq!(member.raw.next().await, Sent::End);
    let store = Store::open(&nats).await;
    assert_eq!(store.messages().await.len(), 2);

    for (length, expected) in [(3_000, Ok(())), (5_000, Err("maximum control line exceeded".to_owned()))] {
        let mut raw = Raw::open(&nats).await;
        let mut proof = raw.proof(&user, &name());
        proof["name"] = json!("x".repeat(length));
        assert_eq!(raw.connect(proof).await, expected, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_one_sender_pushes_nothing_out() {
    let (nats, server, user) = with_user().await;
    server.register("flooder", &key(2)).await;
    server.register("third", &key(3)).await;
    let mut flooder = Member::login(&nats, &key(2)).await;
    let mut third = Member::login(&nats, &key(3)).await;
    for at in 0..16 {
        assert_eq!(flooder.send(&user.id(), &[], &format!("flood {at}")).await["error"], json!(null), "{at}");
    }
    for at in 16..200 {
        let ack = flooder.send(&user.id(), &[], &format!("flood {at}")).await;
        assert_eq!(ack["error"]["err_code"], 10_077, "{at}: {ack}");
    }
    // Nobody else is in the way of it, neither at this recipient nor at another.
    assert_eq!(third.send(&user.id(), &[], "from a third").await["error"], json!(null));
    assert_eq!(flooder.send(&third.id, &[], "to a third").await["error"], json!(null));
    let mut member = Member::login(&nats, &user).await;
    let received = member.pull(64).await;
    let texts: Vec<&str> = received.iter().map(|message| message.payload.as_str()).collect();
    let flood: Vec<String> = (0..16).map(|at| format!("flood {at}")).collect();
    let expected: Vec<&str> = flood.iter().map(String::as_str).chain(["from a third"]).collect();
    assert_eq!(texts, expected);
    // What is acknowledged makes room again.
    let store = Store::open(&nats).await;
    member.raw.publish(&received[0].ack, &member.reply(), "+ACK").await;
    assert!(matches!(member.raw.next().await, Sent::Message { .. }), "the acknowledgement is acknowledged");
    assert_eq!(flooder.send(&user.id(), &[], "one more").await["error"], json!(null));
    assert_eq!(flooder.send(&user.id(), &[], "two more").await["error"]["err_code"], 10_077);
    assert_eq!(store.messages().await.len(), 16 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_of_a_released_handle_is_gone() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    let mut other = Member::login(&nats, &key(2)).await;
    let mut member = Member::login(&nats, &user).await;
    assert_eq!(other.send(&user.id(), &[], "to who leaves").await["error"], json!(null));
    assert_eq!(member.send(&other.id, &[], "from who leaves").await["error"], json!(null));
    let store = Store::open(&nats).await;
    assert_eq!(store.messages().await.len(), 2);
    assert_eq!(server.post("/v1/release", server.release("tudisco", &user)).await.status, 200);
    let gone = async {
        while store.messages().await.len() != 1
            || store.setup().await["consumers"].as_array().expect("a list").len() != 1
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.expect("it goes");
    assert!(member.raw.ended_within(Duration::from_secs(5)).await);
    let received = other.pull(5).await;
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].payload, "from who leaves", "what was sent was sent");
    // Whoever comes back finds an empty inbox, that works.
    server.clock.advance(1);
    server.register("again", &user).await;
    let mut member = Member::login(&nats, &user).await;
    assert_eq!(member.pull(5).await, []);
    assert_eq!(other.send(&user.id(), &[], "welcome").await["error"], json!(null));
    assert_eq!(member.pull(1).await[0].payload, "welcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_decides_how_much_waits_for_how_long() {
    let nats = Nats::start(&[]).await;
    let limits = ["--nats-inbox-days", "3", "--nats-inbox-bytes", "1048576", "--nats-inbox-per-sender", "2"];
    let server = nats.server(&limits).await;
    server.register("tudisco", &key(1)).await;
    let store = Store::open(&nats).await;
    let config = store.setup().await["streams"][0].clone();
    assert_eq!(config["max_age"], json!(3 * 86_400_000_000_000_u64));
    let mut member = Member::login(&nats, &key(1)).await;
    let id = member.id;
    for (text, is_taken) in [("one", true), ("two", true), ("three", false)] {
        assert_eq!(member.send(&id, &[], text).await["error"].is_null(), is_taken, "{text}");
    }
    // All inboxes together: nothing is pushed out, whoever it is that sends.
    let large = "x".repeat(12_000);
    let mut taken = 0;
    while store.send(&key(50 + taken / 2).id(), &id, &large).await["error"].is_null() {
        taken += 1;
    }
    assert!((80..=88).contains(&taken), "{taken}");
    let texts: Vec<String> = store.messages().await.into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(texts[..2], ["one", "two"]);
}
