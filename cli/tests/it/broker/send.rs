//! `kez inbox send`: what is sent, and what a broker's answer is worth.

use std::collections::BTreeSet;

use kez_core::contact_request::Receiver;
use kez_core::subject::parse_inbox;

use super::{Broker, HANG_UP, Member, Published, Script};
use crate::hostile::{key, liar, now, registration};

const STORED: &[u8] = br#"{"stream":"KEZ_INBOX","seq":7}"#;

fn answering(answer: &'static [u8]) -> Broker {
    Broker::start(Script::new(move |published: &Published| published.answered(answer)))
}

fn message_id(published: &Published) -> String {
    let line = published.headers.lines().find_map(|line| line.strip_prefix("Nats-Msg-Id: "));
    line.expect("a message has an id").to_owned()
}

#[test]
fn a_signed_request_goes_to_the_one_who_was_looked_up() {
    let member = Member::new();
    let broker = answering(STORED);
    let said = member.inbox(&broker, &["send", &format!("Alice@{}", member.home.name)]).json();
    let sent = broker.published.recv().expect("it was sent");
    let nonce = message_id(&sent);
    assert_eq!(said["delivered"], true);
    assert_eq!(said["to"], key(1).id().to_string());
    assert_eq!((&said["handle"], said.get("duplicate")), (&"alice".into(), None));
    assert_eq!(said["nonce"], nonce);
    assert_eq!(sent.subject, format!("kez.send.{}.{}", member.id.hex(), key(1).id().hex()));

    let stored = format!("kez.inbox.{}.{}", key(1).id().hex(), member.id.hex());
    let (me, sender) = parse_inbox(&stored).expect("it is an inbox");
    let received = Receiver { me, server: &member.home.name, now: now() }.verify(&sent.payload, &sender);
    let received = received.expect("the signature holds").from_itself().expect("the recipient can verify it");
    assert_eq!((received.nonce.to_string(), received.id.to_string()), (nonce, said["id"].as_str().unwrap().to_owned()));
}

#[test]
fn a_lost_answer_is_asked_for_with_the_same_message() {
    let member = Member::new();
    let duplicate = br#"{"stream":"KEZ_INBOX","seq":7,"duplicate":true}"#;
    let mut attempts = 0;
    let broker = Broker::start(Script::new(move |published: &Published| {
        attempts += 1;
        if attempts < 3 { HANG_UP.to_vec() } else { published.answered(duplicate) }
    }));
    assert_eq!(member.inbox(&broker, &["send", "alice"]).json()["duplicate"], true);
    let sent = broker.published_on("kez.send.");
    assert_eq!(sent.len(), 3);
    let distinct: BTreeSet<_> = sent.iter().map(|sent| (message_id(sent), sent.payload.clone())).collect();
    assert_eq!(distinct.len(), 1);
}

#[test]
fn without_an_answer_nothing_is_claimed() {
    let member = Member::new();
    let broker = Broker::start(Script::new(|_: &Published| HANG_UP.to_vec()));
    let (code, detail) = member.inbox(&broker, &["send", "alice"]).problem();
    assert_eq!(code, "not_delivered");
    assert!(detail.contains("not known"), "{detail}");
}

#[test]
fn an_answer_that_is_no_acknowledgement_is_told() {
    let member = Member::new();
    for answer in [&b"+OK"[..], b"", b"{}", b"\xff", br#"{"stream":"OTHER","seq":1}"#] {
        assert_eq!(member.inbox(&answering(answer), &["send", "alice"]).problem().0, "not_delivered");
    }
    let nobody = Broker::start(Script::new(|published: &Published| published.status("503")));
    assert_eq!(member.inbox(&nobody, &["send", "alice"]).problem().0, "not_delivered");
}

#[test]
fn a_full_inbox_is_told() {
    let full = br#"{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"},"stream":"KEZ_INBOX","seq":0}"#;
    let (code, detail) = Member::new().inbox(&answering(full), &["send", "alice"]).problem();
    assert_eq!(code, "inbox_full");
    assert!(detail.contains("try again"), "{detail}");
}

#[test]
fn nothing_is_sent_to_who_is_not_there() {
    let member = Member::new();
    let broker = answering(STORED);
    for (to, code) in [("alice@other.example", "wrong_server"), ("a", "invalid_handle"), ("alice@", "invalid_resource")]
    {
        assert_eq!(member.inbox(&broker, &["send", to]).problem().0, code, "{to}");
    }
    let liar = Member::at(liar("/registration", |server| registration("alice", server, &key(2))));
    assert_eq!(liar.inbox(&broker, &["send", "alice"]).problem().0, "not_verified");
    assert!(broker.logins.try_recv().is_err());
}
