//! Logging in, and brokers that are none.

use kez_core::Timestamp;
use kez_core::nats_login::{decode_signature, verify};
use kez_core::nkey::Nkey;
use serde_json::json;

use super::{Broker, Member, NONCE, Published, Script, info};
use crate::hostile::{Server, honest, json_of, now, response};

const WATCH: &[&str] = &["watch", "--timeout", "30"];

fn nothing(_: &Published) -> Vec<u8> {
    Vec::new()
}

#[test]
fn the_key_is_proved_for_this_server_and_this_nonce() {
    let member = Member::new();
    let broker = Broker::start(Script::new(nothing));
    let run = member.inbox(&broker, &["watch", "--timeout", "1"]);
    assert_eq!((run.code, run.stdout.as_slice(), run.stderr.as_str()), (0, &b""[..], ""));
    let login = broker.logins.recv().expect("it logged in");
    let nkey: Nkey = login["nkey"].as_str().expect("it is text").parse().expect("an nkey");
    assert_eq!(nkey.as_bytes(), member.id.as_bytes());
    let sig = decode_signature(login["sig"].as_str().expect("it is text")).expect("a signature");
    assert!(verify(&member.id, &member.home.name, &NONCE.parse().expect("a nonce"), &sig));
    for member in ["user", "pass", "auth_token", "jwt"] {
        assert!(login[member].is_null(), "{member}");
    }
}

#[test]
fn without_a_real_nonce_nothing_is_signed() {
    let member = Member::new();
    let bare = r#"INFO {"server_id":"N","headers":true,"max_payload":65536}"#.to_owned();
    let envelope = r#"{"type":"kez.chat.handle_release"}"#;
    for first in
        [bare, info(""), info("aM28yb1GkNEYbd"), info("aM28yb1GkNEYbdQ="), info("kez.example\nx"), info(envelope)]
    {
        let broker = Broker::start(Script { info: first.clone(), ..Script::new(nothing) });
        let (code, detail) = member.inbox(&broker, WATCH).problem();
        assert_eq!(code, "not_a_broker", "{first}");
        assert!(detail.contains("nonce") && detail.contains("Nothing was signed"), "{detail}");
        assert!(broker.logins.try_recv().is_err(), "{first}");
    }
}

#[test]
fn what_is_no_broker_is_told() {
    let member = Member::new();
    for first in [
        "220 mail.example ESMTP",
        "HTTP/1.1 400 Bad Request",
        "INFO",
        "INFO {",
        "INFO []",
        "-ERR",
        "-ERR 'maximum connections exceeded'",
        "PING",
        "MSG a 1 18446744073709551615",
        "MSG a",
        "HMSG a 1 9 1",
        "\u{0}",
    ] {
        let broker = Broker::start(Script { info: first.to_owned(), ..Script::new(nothing) });
        let (code, _) = member.inbox(&broker, WATCH).problem();
        assert_eq!(code, "not_a_broker", "{first}");
    }
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let url = format!("nats://{}", gone.expect("a port was free"));
    let run = member.user.kez(&["inbox", "watch", "--server", &member.home.url(), "--nats-url", &url]);
    assert_eq!(run.problem().0, "broker_unreachable");
}

#[test]
fn a_refusal_is_told_at_once() {
    let member = Member::new();
    for pong in ["-ERR 'Authorization Violation'\r\n", "-ERR 'Authentication Timeout'\r\n"] {
        let broker = Broker::start(Script { pong: pong.into(), ..Script::new(nothing) });
        for args in [WATCH, &["send", "alice"]] {
            let (code, detail) = member.inbox(&broker, args).problem();
            assert_eq!(code, "broker_refused", "{pong}");
            assert!(detail.contains(&member.id.to_string()), "{detail}");
        }
    }
    for pong in ["-ERR\r\n", "MSG a 1 18446744073709551615\r\n"] {
        let broker = Broker::start(Script { pong: pong.into(), ..Script::new(nothing) });
        assert_eq!(member.inbox(&broker, WATCH).problem().0, "not_a_broker", "{pong:?}");
    }
}

#[test]
fn a_server_without_a_broker_says_so() {
    let member = Member::new();
    let run = member.user.kez(&["inbox", "watch", "--server", &member.home.url()]);
    assert_eq!(run.problem().0, "no_broker");
}

#[test]
fn a_server_that_cannot_do_its_work_is_named_instead_of_the_key() {
    let home = Server::start(|server, path| match path {
        "/v1/readyz" => {
            let problem = json!({ "code": "unavailable", "detail": "The clock is off." }).to_string();
            response("503 Service Unavailable", "Content-Type: application/problem+json", problem.as_bytes())
        }
        path => honest(server, path),
    });
    let member = Member::at(home);
    let broker = Broker::start(Script { pong: b"-ERR 'Authorization Violation'\r\n".to_vec(), ..Script::new(nothing) });
    for args in [WATCH, &["send", "alice"]] {
        let (code, detail) = member.inbox(&broker, args).problem();
        assert_eq!(code, "server_not_ready");
        assert!(detail.contains("The clock is off."), "{detail}");
    }
}

#[test]
fn clocks_that_are_apart_are_told_with_a_refusal() {
    let home = Server::start(|server, path| match path {
        "/v1/server" => {
            let time = Timestamp::from_unix(now().unix() - 40 * 60);
            json_of(&json!({ "server": server, "time": time }))
        }
        path => honest(server, path),
    });
    let member = Member::at(home);
    let broker = Broker::start(Script { pong: b"-ERR 'Authorization Violation'\r\n".to_vec(), ..Script::new(nothing) });
    let run = member.inbox(&broker, WATCH);
    let told: Vec<_> = run.stderr.lines().collect();
    let says = "This machine's clock is 40 minutes ahead of the server's";
    assert!(told.len() == 2 && told.iter().all(|line| line.contains(says)), "{told:?}");
    assert!(told[1].contains("broker_refused"), "{told:?}");
}
