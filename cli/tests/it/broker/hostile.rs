//! Brokers that lie: nothing of it is shown as verified, and nothing ends the program but a problem.

use std::collections::HashSet;

use serde_json::Value;

use super::{Broker, Member, Published, Script, request_to};
use crate::hostile::key;

#[test]
fn what_does_not_verify_is_skipped_with_a_problem() {
    let member = Member::new();
    let (subject, good) = member.request(1, 1);
    let (me, home) = (member.id, member.home.name.clone());
    let other_server = "other.example".parse().expect("a name");
    let text = String::from_utf8(good.clone()).expect("it is text");
    let bad: Vec<(&str, String, Vec<u8>)> = vec![
        ("key_mismatch", member.stored_under(&key(2).id()), good.clone()),
        ("key_mismatch", subject.clone(), request_to(key(3).id(), &home, &key(1), 1)),
        ("key_mismatch", format!("kez.inbox.{}.nobody", me.hex()), good.clone()),
        ("key_mismatch", format!("kez.inbox.{}.{}", key(2).id().hex(), key(1).id().hex()), good.clone()),
        ("key_mismatch", format!("_INBOX_{}.x", me.hex()), good.clone()),
        ("wrong_server", subject.clone(), request_to(me, &other_server, &key(1), 1)),
        ("bad_signature", subject.clone(), text.replace(&"01".repeat(16), &"02".repeat(16)).into_bytes()),
        ("malformed_json", subject.clone(), Vec::new()),
        ("malformed_json", subject.clone(), b"\xff\xfe\x00garbage".to_vec()),
        ("malformed_json", subject.clone(), b"[".repeat(60_000)),
        ("malformed_envelope", subject.clone(), b"{}".to_vec()),
        ("malformed_envelope", subject.clone(), text.replace("\"version\":1", "\"version\":2").into_bytes()),
        ("payload_too_large", subject.clone(), vec![b' '; 65_537]),
    ];
    let codes: Vec<_> = bad.iter().map(|(code, ..)| *code).collect();
    let mut messages = bad.into_iter().map(|(_, subject, payload)| (subject, payload)).chain([(subject, good)]);
    let (mut sequence, pk) = (0, member.id.hex());
    let broker = Broker::start(Script::new(move |published: &Published| {
        if !published.is_pull() {
            return published.answered(b"");
        }
        sequence += 1;
        let receipt = format!("$JS.ACK.KEZ_INBOX.{pk}.1.{sequence}.{sequence}.1.0");
        let (subject, payload) = messages.next().expect("it stops after the good one");
        published.message(&subject, &receipt, &payload)
    }));
    let run = member.inbox(&broker, &["watch", "--count", "1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let printed: Value = serde_json::from_slice(&run.stdout).expect("only the good one is printed");
    assert_eq!(printed["nonce"], "01".repeat(16));
    let problems: Vec<Value> =
        run.stderr.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(
        problems.iter().map(|problem| problem["code"].as_str()).collect::<Vec<_>>(),
        codes.iter().map(|code| Some(*code)).collect::<Vec<_>>()
    );
    let verdicts: Vec<_> = broker.published_on("$JS.ACK.").into_iter().map(|ack| ack.payload).collect();
    let (last, removed) = verdicts.split_last().expect("all are settled");
    assert_eq!((last.as_slice(), removed.len()), (&b"+ACK"[..], codes.len()));
    assert!(removed.iter().all(|verdict| verdict == b"+TERM"));
}

#[test]
fn nothing_is_published_where_a_broker_would_like_it() {
    let member = Member::new();
    let (subject, payload) = member.request(1, 1);
    let (other, receipt) = (member.request(1, 2), member.receipt(1));
    let elsewhere = format!("kez.send.{}.{}", member.id.hex(), key(2).id().hex());
    let mut receipts = [elsewhere.clone(), "$JS.ACK.KEZ_INBOX.x.1".to_owned(), String::new()].into_iter();
    let broker = Broker::start(Script::new(move |published: &Published| match receipts.next() {
        Some(receipt) => published.message(&subject, &receipt, &payload),
        None if published.is_pull() => published.message(&other.0, &receipt, &other.1),
        None => published.answered(b""),
    }));
    let run = member.inbox(&broker, &["watch", "--count", "2"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let subjects: Vec<_> = broker.published.try_iter().map(|published| published.subject).collect();
    let next = format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.{}", member.id.hex());
    assert_eq!(subjects, [next.clone(), next.clone(), next.clone(), next, member.receipt(1)]);
}

#[test]
fn garbage_costs_a_connection_and_no_more() {
    let member = Member::new();
    let (subject, payload) = member.request(1, 1);
    let receipt = member.receipt(1);
    let garbage: &[&[u8]] = &[
        b"-ERR\r\n",
        b"MSG a 1 18446744073709551615\r\n",
        b"MSG a 1 -1\r\n",
        b"MSG a x 1\r\nx\r\n",
        b"MSG\r\n",
        b"HMSG a 1 18446744073709551615 18446744073709551615\r\n",
        b"HMSG a 1 9 1\r\n",
        b"HMSG a 1 4 4\r\nHTTP\r\n",
        b"\xff\xff\xff\xff\r\n",
        b"INFO {\r\n",
    ];
    let (mut garbage, mut connections) = (garbage.iter(), HashSet::new());
    let broker = Broker::start(Script::new(move |published: &Published| {
        if !published.is_pull() {
            return published.answered(b"");
        }
        // An answer in good order first: a connection that is never of any use is tried less and less often.
        if connections.insert(published.connection) {
            return published.status("408 Request Timeout");
        }
        match garbage.next() {
            Some(garbage) => garbage.to_vec(),
            None => published.message(&subject, &receipt, &payload),
        }
    }));
    let run = member.inbox(&broker, &["watch", "--count", "1"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let printed: Value = serde_json::from_slice(&run.stdout).expect("only the good one is printed");
    assert_eq!(printed["nonce"], "01".repeat(16));
}
