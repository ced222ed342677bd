//! Servers that lie, and things that are no kez-chat server at all.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use kez_core::registration::Statement;
use kez_core::webfinger::Jrd;
use kez_core::{ChainStanding, Record, ServerName, SigningKey, Timestamp};
use serde_json::{Value, json};

use super::User;

/// What is sent back for a request, as raw bytes; nothing closes the connection.
pub(super) type Answer = Vec<u8>;

/// A server of our own, under whatever name its address gives it.
pub(super) struct Server {
    pub(super) name: ServerName,
    requests: Receiver<String>,
}

impl Server {
    /// Answers each request by its path, until the test's process ends.
    pub(super) fn start(answer: impl Fn(&ServerName, &str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let name: ServerName =
            listener.local_addr().expect("it is bound").to_string().parse().expect("an address and port is a name");
        let (sender, requests) = channel();
        let own_name = name.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (path, stream) = read_request(stream);
                // The test may be over.
                let _ = sender.send(path.clone());
                let _ = (&stream).write_all(&answer(&own_name, &path));
            }
        });
        Server { name, requests }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.name)
    }

    fn lookup(&self) -> super::Run {
        User::new().kez(&["lookup", &format!("alice@{}", self.name)])
    }
}

fn read_request(stream: TcpStream) -> (String, TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).expect("a request has a first line");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a request has headers");
        match line.trim().to_ascii_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().expect("a length is a number"),
            Some(_) => {}
            None => break,
        }
    }
    reader.by_ref().take(length).read_to_end(&mut Vec::new()).expect("the body is as long as it says");
    (first.split(' ').nth(1).expect("a request has a path").to_owned(), reader.into_inner())
}

pub(super) fn response(status: &str, headers: &str, body: &[u8]) -> Answer {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(super) fn json_response(body: &[u8]) -> Answer {
    response("200 OK", "Content-Type: application/json", body)
}

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(super) fn registration(handle: &str, server: &ServerName, key: &SigningKey) -> Answer {
    let handle = handle.parse().expect("a test's handle is well formed");
    json_response(&Statement::registration(handle, server.clone(), Timestamp::from_unix(1_700_000_000)).sign(key))
}

pub(super) fn record(handle: &str, server: &ServerName, key: &SigningKey) -> Record {
    let handle = handle.parse().expect("a test's handle is well formed");
    let standing = ChainStanding { chain: key.id(), head: None, active: true };
    Record::new(&handle, server, key.id(), standing, "https://sig.example", Timestamp::from_unix(1_700_000_000))
}

fn webfinger(record: &Record) -> Answer {
    let jrd = serde_json::to_vec(&Jrd::new(record, "https://kez.example")).expect("a document serialises");
    response("200 OK", "Content-Type: application/jrd+json", &jrd)
}

pub(super) fn json_of(value: &impl serde::Serialize) -> Answer {
    json_response(&serde_json::to_vec(value).expect("it serialises"))
}

fn nothing_there() -> Answer {
    let problem = json!({ "code": "not_found", "title": "Not found", "status": 404, "detail": "Nothing is there." });
    response("404 Not Found", "Content-Type: application/problem+json", problem.to_string().as_bytes())
}

pub(super) fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970");
    Timestamp::from_unix(i64::try_from(since.as_secs()).expect("it is not that late"))
}

/// What an honest server answers about alice, whose key is key 1.
pub(super) fn honest(server: &ServerName, path: &str) -> Answer {
    let record = record("alice", server, &key(1));
    match path {
        "/v1/server" => json_of(&json!({ "server": server, "time": now() })),
        "/v1/u/alice" => json_of(&record),
        "/v1/u/alice/registration" => registration("alice", server, &key(1)),
        path if path == format!("/v1/k/ed25519/{}", key(1).id().hex()) => json_of(&record),
        path if path.starts_with("/v1/k/") || path.starts_with("/v1/sigchains/") => nothing_there(),
        _ => webfinger(&record),
    }
}

/// A server that is honest except about paths that end in `lie_at`.
pub(super) fn liar(lie_at: &'static str, lie: impl Fn(&ServerName) -> Answer + Send + 'static) -> Server {
    Server::start(move |server, path| if path.ends_with(lie_at) { lie(server) } else { honest(server, path) })
}

#[test]
fn an_honest_answer_is_verified() {
    let server = Server::start(honest);
    let found = server.lookup().json();
    assert_eq!(found["verified"], true);
    assert_eq!(found["primary"], key(1).id().to_string());
    assert_eq!(found["fqhn"], format!("alice@{}", server.name));
}

#[test]
fn lies_about_the_owner_are_exposed() {
    let other: ServerName = "other.example".parse().expect("it is a name");
    let (at_other, at_other_too) = (other.clone(), other);
    let lies = [
        ("primary", liar("/v1/u/alice", |server| json_of(&record("alice", server, &key(2))))),
        ("handle", liar("/v1/u/alice", |server| json_of(&record("mallory", server, &key(1))))),
        ("fqhn", liar("/v1/u/alice", move |_| json_of(&record("alice", &at_other, &key(1))))),
        ("primary", liar("/registration", |server| registration("alice", server, &key(2)))),
        ("handle", liar("/registration", |server| registration("mallory", server, &key(1)))),
        ("server", liar("/registration", move |_| registration("alice", &at_other_too, &key(1)))),
        (
            "bad_signature",
            liar("/registration", |server| {
                let text = String::from_utf8(registration("alice", server, &key(1))).expect("it is text");
                text.replace("2023", "2024").into_bytes()
            }),
        ),
        (
            "WebFinger",
            Server::start(|server, path| match path {
                path if path.contains("webfinger") => webfinger(&record("alice", server, &key(2))),
                path => honest(server, path),
            }),
        ),
    ];
    for (word, server) in lies {
        let (code, detail) = server.lookup().problem();
        assert_eq!(code, "not_verified");
        assert!(detail.contains(word), "{detail} does not say {word}");
    }
}

#[test]
fn what_is_no_kez_server_is_told() {
    let endless = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".iter().copied();
    let endless: Vec<u8> = endless.chain(std::iter::repeat_n(b' ', 1024 * 1024)).collect();
    let answers = [
        ("text/html", response("200 OK", "Content-Type: text/html; charset=utf-8", b"<!doctype html><p>Hello")),
        ("404", response("404 Not Found", "Content-Type: text/html", b"<p>none")),
        ("another kind", json_response(b"{}")),
        ("another kind", json_response(b"{")),
        ("65536 bytes", endless),
        ("https://other.example/", response("302 Found", "Location: https://other.example/", b"")),
        ("not in HTTP", b"220 mail.example ESMTP\r\n\r\n".to_vec()),
        ("does not know", response("418 Teapot", "Content-Type: application/problem+json", br#"{"code":"teapot"}"#)),
    ];
    for (word, answer) in answers {
        let (code, detail) = Server::start(move |_, _| answer.clone()).lookup().problem();
        assert_eq!(code, "not_a_kez_server", "{detail}");
        assert!(detail.contains(word), "{detail} does not say {word}");
    }
}

#[test]
fn a_servers_problem_is_passed_on_without_steering_the_terminal() {
    let body = "{\"code\":\"gone\",\"detail\":\"It was \\u001b[31mreleased\\u009b.\"}";
    let server =
        Server::start(move |_, _| response("410 Gone", "Content-Type: application/problem+json", body.as_bytes()));
    let run = server.lookup();
    assert_eq!(run.problem().0, "gone");
    assert!(!run.stderr.trim_end().contains(char::is_control), "{:?}", run.stderr);
}

#[test]
fn nothing_is_signed_for_a_name_that_was_not_meant() {
    let server = Server::start(honest);
    let user = User::with_key();
    let run = user.kez(&["register", "alice", "--server", &server.url(), "--server-name", "kez.example"]);
    assert_eq!(run.problem().0, "server_name_differs");
    assert_eq!(server.requests.try_iter().collect::<Vec<_>>(), ["/v1/server"]);
}

#[test]
fn a_registration_of_another_key_is_not_taken_for_ours() {
    let server = liar("/v1/register", |server| json_of(&record("alice", server, &key(1))));
    let user = User::with_key();
    let (code, detail) = user.kez(&["register", "alice", "--server", &server.url()]).problem();
    assert_eq!(code, "not_verified");
    assert!(detail.contains("primary"), "{detail}");
    assert!(!user.path(".config/kez/identity.json").exists(), "nothing is remembered of it");
}

#[test]
fn a_lost_answer_may_be_asked_for_again() {
    let server = liar("/v1/register", |_| Vec::new());
    let (code, detail) = User::with_key().kez(&["register", "alice", "--server", &server.url()]).problem();
    assert_eq!(code, "server_unreachable");
    assert!(detail.contains("again is safe"), "{detail}");
}

#[test]
fn a_record_is_read_whatever_is_added_to_it_later() {
    let server = liar("/v1/u/alice", |server| {
        let mut record: Value = serde_json::to_value(record("alice", server, &key(1))).expect("a record serialises");
        record["active"] = true.into();
        json_of(&record)
    });
    assert_eq!(server.lookup().json()["verified"], true);
}
