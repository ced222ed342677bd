//! Contact requests from one user to another.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::{Deployment, NAME, lines};
use crate::User;

/// What the recipient is shown has to be what the sender was told.
fn same(sent: &Value, received: &Value) {
    assert_eq!((&sent["id"], &sent["nonce"]), (&received["id"], &received["nonce"]));
}

#[test]
fn what_was_sent_to_somebody_away_is_received_exactly_once() {
    let deployment = Deployment::start(&[]);
    // Bob was never at the broker before.
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    let sent = [deployment.send(&alice, "bob").json(), deployment.send(&alice, &format!("Bob@{NAME}")).json()];
    assert!(sent.iter().all(|sent| sent["delivered"] == true && sent["handle"] == "bob"), "{sent:?}");
    assert_ne!(sent[0]["nonce"], sent[1]["nonce"]);

    let first = deployment.watch(&bob, &["--count", "1"]).json();
    same(&sent[0], &first);
    assert_eq!((&first["type"], &first["handle"]), (&"kez.chat.contact_request".into(), &"alice".into()));
    assert_eq!(first["from"], alice.kez(&["key", "show"]).json()["key"]);
    same(&sent[1], &deployment.watch(&bob, &["--count", "1"]).json());
    let rest = bob.kez(&["inbox", "watch", "--timeout", "2", "--nats-url", &deployment.nats_url]);
    assert_eq!(lines(&rest), [json!(null); 0]);

    // The other way, and to oneself.
    same(&deployment.send(&bob, "alice").json(), &deployment.watch(&alice, &["--count", "1"]).json());
    same(&deployment.send(&bob, "bob").json(), &deployment.watch(&bob, &["--count", "1"]).json());
}

#[test]
fn the_address_that_the_server_tells_will_do() {
    let deployment = Deployment::start(&[]);
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    let sent = alice.kez(&["inbox", "send", "bob"]).json();
    same(&sent, &bob.kez(&["inbox", "watch", "--count", "1", "--timeout", "60"]).json());
}

#[test]
fn what_is_left_in_the_inbox_comes_again() {
    let deployment = Deployment::start(&[]);
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    let sent = deployment.send(&alice, "bob").json();
    same(&sent, &deployment.watch(&bob, &["--count", "1", "--no-ack"]).json());
    // After half a minute the broker believes that it was not read.
    same(&sent, &deployment.watch(&bob, &["--count", "1"]).json());
}

#[test]
fn one_sender_fills_no_inbox_for_others() {
    let deployment = Deployment::start(&["--nats-inbox-per-sender", "2"]);
    let (alice, bob, carol) = (deployment.user("alice"), deployment.user("bob"), deployment.user("carol"));
    for _ in 0..2 {
        deployment.send(&alice, "bob").json();
    }
    assert_eq!(deployment.send(&alice, "bob").problem().0, "inbox_full");
    deployment.send(&carol, "bob").json();
    let received = lines(&deployment.watch(&bob, &["--count", "3"]));
    let handles: Vec<_> = received.iter().map(|line| line["handle"].clone()).collect();
    assert_eq!(handles, ["alice", "alice", "carol"]);
    deployment.send(&alice, "bob").json();
}

/// A client of no more than a socket, and `kez nats sign`.
#[test]
fn a_script_logs_in_by_itself() {
    let deployment = Deployment::start(&[]);
    let (alice, stranger) = (deployment.user("alice"), User::with_key());
    assert_eq!(log_in(&deployment, &alice, &[]), "PONG");
    assert_eq!(log_in(&deployment, &stranger, &["--server-name", NAME]), "-ERR 'Authorization Violation'");
    assert_eq!(log_in(&deployment, &alice, &["--server-name", "other.example"]), "-ERR 'Authorization Violation'");
}

/// The broker's answer to a login that `kez nats sign` made.
fn log_in(deployment: &Deployment, user: &User, flags: &[&str]) -> String {
    let address = deployment.nats_url.trim_start_matches("nats://");
    let mut stream = TcpStream::connect(address).expect("the broker listens");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket has two ends"));
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).expect("the broker answers");
        line.trim_end().to_owned()
    };
    let info: Value = serde_json::from_str(line().strip_prefix("INFO ").expect("it greets")).expect("INFO is JSON");
    let nonce = info["nonce"].as_str().expect("it sends a nonce");
    let mut options = user.kez(&[&["nats", "sign", nonce], flags].concat()).json();
    options["verbose"] = false.into();
    write!(stream, "CONNECT {options}\r\nPING\r\n").expect("it reads");
    line()
}
