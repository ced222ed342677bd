//! `kez inbox watch`: what is printed, what is acknowledged, and when it ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use kez_core::contact_request::{ContactRequest, MessageId};
use kez_core::{Hash, Timestamp};
use serde_json::{Value, json};

use super::{Broker, HANG_UP, Member, PATIENCE, Published, Script};
use crate::Run;
use crate::hostile::{Server, honest, json_of, key, now, record};

/// The documents on stdout, one a line.
fn lines(run: &Run) -> Vec<Value> {
    let text = std::str::from_utf8(&run.stdout).expect("it is text");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// A broker that has these messages in its inbox, each delivered once.
pub(super) fn with_messages(member: &Member, messages: Vec<(String, Vec<u8>)>) -> Broker {
    let receipts: Vec<_> = (1..=messages.len()).map(|sequence| member.receipt(sequence)).collect();
    let mut messages = messages.into_iter().zip(receipts);
    Broker::start(Script::new(move |published: &Published| {
        if !published.is_pull() {
            return published.answered(b"");
        }
        match messages.next() {
            Some(((subject, payload), receipt)) => published.message(&subject, &receipt, &payload),
            None => published.status("408 Request Timeout"),
        }
    }))
}

fn acknowledged(broker: &Broker) -> Vec<(String, String)> {
    let text = |published: Published| (published.subject, String::from_utf8_lossy(&published.payload).into_owned());
    broker.published_on("$JS.ACK.").into_iter().map(text).collect()
}

#[test]
fn a_request_is_printed_and_then_acknowledged() {
    let member = Member::new();
    let broker = with_messages(&member, vec![member.request(1, 7)]);
    let printed = member.inbox(&broker, &["watch", "--count", "1"]).json();
    assert_eq!(printed["type"], "kez.chat.contact_request");
    assert_eq!(printed["from"], key(1).id().to_string());
    assert_eq!(printed["handle"], "alice");
    assert_eq!(printed["nonce"], "07".repeat(16));
    assert!(printed["id"].as_str().is_some_and(|id| id.starts_with("sha256:")));
    assert!(printed["created_at"].is_string());
    assert_eq!(acknowledged(&broker), [(member.receipt(1), "+ACK".to_owned())]);
}

#[test]
fn a_handle_that_is_not_proven_is_not_shown() {
    // The record says that key 2 is alice; the registration says that alice is key 1.
    let home = Server::start(|server, path| match path {
        path if path == format!("/v1/k/ed25519/{}", key(2).id().hex()) => json_of(&record("alice", server, &key(2))),
        path => honest(server, path),
    });
    let member = Member::at(home);
    let broker = with_messages(&member, vec![member.request(2, 1)]);
    let printed = member.inbox(&broker, &["watch", "--count", "1"]).json();
    assert_eq!(printed["from"], key(2).id().to_string());
    assert!(printed.get("handle").is_none());
}

#[test]
fn a_server_gives_nobody_anothers_inbox() {
    let home = Server::start(|server, path| match path {
        path if path.starts_with("/v1/k/") => json_of(&record("alice", server, &key(1))),
        path => honest(server, path),
    });
    let member = Member::at(home);
    let broker = with_messages(&member, Vec::new());
    for args in [&["watch"][..], &["send", "alice"]] {
        let (code, detail) = member.inbox(&broker, args).problem();
        assert_eq!(code, "not_verified");
        assert!(detail.contains(&member.id.to_string()), "{detail}");
    }
    assert!(broker.logins.try_recv().is_err(), "nothing was signed");
}

/// A request that says it is from key 1, signed by key 5.
fn by_another_key(member: &Member) -> (String, Vec<u8>) {
    let (to, server, nonce) = (member.id, member.home.name.clone(), MessageId::from_bytes([5; 16]));
    let text = ContactRequest { to, server, created_at: now(), nonce }.sign(key(1).id(), &key(5));
    (member.stored_under(&key(1).id()), text)
}

#[test]
fn a_key_that_stands_for_nobody_is_not_believed() {
    let member = Member::new();
    let broker = with_messages(&member, vec![by_another_key(&member), member.request(1, 1)]);
    let run = member.inbox(&broker, &["watch", "--count", "1"]);
    assert_eq!(lines(&run)[0]["signer"], key(1).id().to_string(), "{}", run.stderr);
    assert!(run.stderr.contains("key_not_authorised") && run.stderr.lines().count() == 1, "{}", run.stderr);
    let verdicts: Vec<_> = acknowledged(&broker).into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(verdicts, ["+TERM", "+ACK"]);
}

#[test]
fn without_the_senders_chain_nothing_is_believed() {
    // The server says that there is a chain, and shows none.
    let home = Server::start(|server, path| {
        let mut record = record("alice", server, &key(1));
        record.head = Some(Hash::of(b"an event"));
        record.sigchain_url = format!("http://{server}/v1/sigchains/ed25519/{}", key(1).id().hex());
        match path {
            "/v1/u/alice" => json_of(&record),
            path if path == format!("/v1/k/ed25519/{}", key(1).id().hex()) => json_of(&record),
            path => honest(server, path),
        }
    });
    let member = Member::at(home);
    let broker = with_messages(&member, vec![member.request(1, 1), member.request(2, 2)]);
    let run = member.inbox(&broker, &["watch", "--count", "1"]);
    assert_eq!(lines(&run)[0]["from"], key(2).id().to_string(), "{}", run.stderr);
    assert!(run.stderr.contains("not_verified") && run.stderr.contains("left in the inbox"), "{}", run.stderr);
    assert_eq!(acknowledged(&broker), [(member.receipt(2), "+ACK".to_owned())], "the first one stays");
}

#[test]
fn times_are_judged_by_the_servers_clock() {
    let then: Timestamp = "2020-02-29T12:00:00Z".parse().expect("that day was");
    let home = Server::start(move |server, path| match path {
        "/v1/server" => json_of(&json!({ "server": server, "time": then })),
        path => honest(server, path),
    });
    let member = Member::at(home);
    let (to, server, nonce) = (member.id, member.home.name.clone(), MessageId::from_bytes([3; 16]));
    let old = ContactRequest { to, server, created_at: then, nonce }.sign(key(1).id(), &key(1));
    let of_today = member.request(1, 1);
    let broker = with_messages(&member, vec![of_today, (member.stored_under(&key(1).id()), old)]);
    let run = member.inbox(&broker, &["watch", "--count", "1"]);
    assert_eq!(lines(&run)[0]["created_at"], "2020-02-29T12:00:00Z", "{}", run.stderr);
    let told: Vec<_> = run.stderr.lines().collect();
    assert!(told.len() == 2 && told[0].contains("clock") && told[1].contains("stale_timestamp"), "{told:?}");
}

#[test]
fn what_comes_twice_is_printed_once() {
    let member = Member::new();
    let (first, second) = (member.request(1, 1), member.request(1, 2));
    let broker = with_messages(&member, vec![first.clone(), first, second]);
    let run = member.inbox(&broker, &["watch", "--count", "2"]);
    let nonces: Vec<_> = lines(&run).iter().map(|line| line["nonce"].clone()).collect();
    assert_eq!(nonces, ["01".repeat(16), "02".repeat(16)]);
    assert_eq!(acknowledged(&broker).len(), 3);
}

#[test]
fn nothing_is_acknowledged_that_is_kept_or_was_not_printed() {
    let member = Member::new();
    let broker = with_messages(&member, vec![member.request(1, 1)]);
    member.inbox(&broker, &["watch", "--count", "1", "--no-ack"]).json();
    assert_eq!(acknowledged(&broker), []);

    let broker = with_messages(&member, vec![member.request(1, 1)]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("there is a full device");
    let mut command = member.user.command(&member.args(&broker, &["watch", "--count", "1"]));
    let output = command.stdout(full).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("\"io\""));
    assert_eq!(acknowledged(&broker), []);
}

#[test]
fn it_ends_when_told_and_when_the_time_is_over() {
    let member = Member::new();
    for signal in ["-TERM", "-INT"] {
        let broker = Broker::start(Script::new(|_: &Published| Vec::new()));
        let mut command = member.user.command(&member.args(&broker, &["watch"]));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        broker.published.recv_timeout(PATIENCE).expect("it asks for the next message");
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0), "{signal}");
    }
    let broker = with_messages(&member, Vec::new());
    let run = member.inbox(&broker, &["watch", "--timeout", "1"]);
    assert_eq!((run.code, run.stdout.len(), run.stderr.as_str()), (0, 0, ""));
    let broker = with_messages(&member, Vec::new());
    let (code, detail) = member.inbox(&broker, &["watch", "--timeout", "1", "--count", "2"]).problem();
    assert_eq!(code, "timed_out");
    assert!(detail.contains("0 of 2"), "{detail}");
}

#[test]
fn a_connection_that_is_lost_is_made_again() {
    let member = Member::new();
    let (subject, payload) = member.request(1, 1);
    let receipt = member.receipt(1);
    let broker = Broker::start(Script::new(move |published: &Published| match published.connection {
        // A connection of the library's own, which does not log in, comes between each two.
        0..4 => HANG_UP.to_vec(),
        _ if published.is_pull() => published.message(&subject, &receipt, &payload),
        _ => published.answered(b""),
    }));
    member.inbox(&broker, &["watch", "--count", "1"]).json();
    assert!(broker.logins.try_iter().count() >= 3);
}

#[test]
fn a_key_that_was_let_in_may_be_refused_for_a_moment() {
    let member = Member::new();
    let broker = Broker::start(Script::new(|_: &Published| HANG_UP.to_vec()));
    let mut command = member.user.command(&member.args(&broker, &["watch"]));
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it runs");
    broker.published.recv_timeout(PATIENCE).expect("it is in");
    broker.refuse_from_now_on();
    let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let told: Vec<_> = stderr.lines().map(|line| line.expect("messages are text")).collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("warning") && told[1].contains("broker_refused"), "{told:?}");
}

#[test]
fn what_the_broker_says_instead_of_a_message_is_understood() {
    let member = Member::new();
    let (subject, payload) = member.request(1, 1);
    let receipt = member.receipt(1);
    let mut statuses =
        ["100 Idle Heartbeat", "404 No Messages", "408 Request Timeout", "409 Leadership Change", "503", "799 New"]
            .into_iter();
    let broker = Broker::start(Script::new(move |published: &Published| {
        if !published.is_pull() {
            return published.answered(b"");
        }
        match statuses.next() {
            // A heartbeat ends nothing: the answer follows.
            Some(status @ "100 Idle Heartbeat") => {
                [published.status(status), published.status("408 Request Timeout")].concat()
            }
            Some(status) => published.status(status),
            None => published.message(&subject, &receipt, &payload),
        }
    }));
    let run = member.inbox(&broker, &["watch", "--count", "1"]);
    assert_eq!((run.code, lines(&run).len()), (0, 1), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "told once: {}", run.stderr);
    assert!(run.stderr.contains("409 Leadership Change"), "{}", run.stderr);
    let pulls = broker.published_on("$JS.API.");
    assert_eq!(pulls.len(), 7);
    for pull in pulls {
        assert!(pull.reply.starts_with(&format!("_INBOX_{}.", member.id.hex())), "{}", pull.reply);
        let question: Value = serde_json::from_slice(&pull.payload).expect("it is JSON");
        assert_eq!(question["batch"], 1);
        assert!(question["expires"].as_u64().is_some_and(|expires| expires > 0));
    }
}

#[test]
fn an_inbox_that_is_gone_is_asked_for_anew() {
    let member = Member::new();
    let (subject, payload) = member.request(1, 1);
    let receipt = member.receipt(1);
    let mut statuses = ["409 Consumer Deleted", "503", "503"].into_iter();
    let broker = Broker::start(Script::new(move |published: &Published| match published.is_pull() {
        true => statuses
            .next()
            .map_or_else(|| published.message(&subject, &receipt, &payload), |status| published.status(status)),
        false => published.answered(b""),
    }));
    let run = member.inbox(&broker, &["watch", "--count", "1"]);
    assert_eq!((run.code, lines(&run).len()), (0, 1), "{}", run.stderr);
    assert!(run.stderr.contains("no inbox for this key") && run.stderr.lines().count() == 1, "{}", run.stderr);
    assert!(broker.logins.try_iter().count() >= 4, "each time with a new login");
}

#[test]
fn an_inbox_that_stays_away_ends_the_watch() {
    let member = Member::new();
    let broker = Broker::start(Script::new(|published: &Published| published.status("503")));
    let run = member.inbox(&broker, &["watch"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let told: Vec<_> = run.stderr.lines().collect();
    assert!(told.len() == 2 && told[0].contains("warning") && told[1].contains("inbox_missing"), "{told:?}");
}

#[test]
fn a_consumer_that_says_nothing_is_not_waited_for() {
    let member = Member::new();
    let (subject, payload) = member.request(1, 1);
    let receipt = member.receipt(1);
    let broker = Broker::start(Script::new(move |published: &Published| match published.connection {
        0 => Vec::new(),
        _ if published.is_pull() => published.message(&subject, &receipt, &payload),
        _ => published.answered(b""),
    }));
    let run = member.inbox(&broker, &["watch", "--count", "1"]);
    assert_eq!((run.code, lines(&run).len()), (0, 1), "{}", run.stderr);
    assert!(run.stderr.contains("it does not answer"), "{}", run.stderr);
    let question: Value = serde_json::from_slice(&broker.published_on("$JS.API.")[0].payload).expect("it is JSON");
    assert!(question["idle_heartbeat"].as_u64() <= question["expires"].as_u64().map(|expires| expires / 2));
}
