//! What other people's words hide is shown, in every command that passes them on: no control character steers a terminal,
//! no mark of direction makes a name read like another.

use kez_core::canonical::Object;
use kez_core::sigchain::{Body, Claim, Place};
use kez_core::text::is_hidden;
use kez_core::{ChainStanding, Hash, Record, ServerName, Timestamp, verify_envelope};
use serde_json::{Value, json};

use super::broker::{Broker, Member, Script};
use super::hostile::{Answer, Server, honest, json_of, json_response, key, liar, record, registration, response};
use super::{Run, User};

/// Of each kind of hidden characters: C0, DEL, C1, format, direction, separators, noncharacters, tags, private use.
const WORDS: &str = "a\u{1b}[31m\u{7f}\u{85}\u{9b}31m\u{ad}\u{61c}\u{200b}\u{200e}\u{202e}\u{2028}\u{2029}\u{2066}x\u{2069}\
                     \u{feff}\u{fe0f}\u{fff9}\u{fffe}\u{e0041}\u{10ffff} müller 名前";

impl Run {
    /// Nothing is hidden in what the program said; `member` of what it printed are the words as they were sent.
    fn hides_nothing(&self, says: impl Fn(&Value) -> &Value) {
        let out = String::from_utf8(self.stdout.clone()).expect("output is text");
        for text in [&out, &self.stderr] {
            let hidden = text.chars().find(|c| is_hidden(*c) && *c != '\n');
            assert_eq!(hidden, None, "in {text:?}");
        }
        assert!(out.contains("müller 名前") || self.stderr.contains("müller 名前"), "letters stay readable");
        let json = if out.is_empty() { &self.stderr } else { &out };
        let last = json.lines().last().expect("something is said");
        let said: Value = serde_json::from_str(last).expect("JSON");
        let text = says(&said).as_str().expect("text");
        assert!(text.contains(WORDS), "{text:?}");
    }
}

fn problem() -> Answer {
    let problem = json!({ "code": "gone", "title": WORDS, "status": 410, "detail": WORDS });
    response("410 Gone", "Content-Type: application/problem+json", problem.to_string().as_bytes())
}

/// The events of a chain of key 1 that claims something, says something that nobody knows, and their log.
fn chain(server: &ServerName) -> (Vec<Vec<u8>>, Hash, Answer) {
    let (key, at) = (key(1), Timestamp::from_unix(1_700_000_000));
    let claim = Claim { r#type: "tea".to_owned(), subject: WORDS.to_owned(), proof: WORDS.to_owned() };
    let bodies = [
        Body::Genesis { primary: key.id(), rotation_keys: vec![key.id()], server: server.clone() },
        Body::ClaimAdd { claim },
        Body::Unlisted { name: WORDS.to_owned(), critical: Some(false), body: Object::default() },
    ];
    let (mut place, mut events) = (Place::genesis(key.id()), Vec::new());
    for body in bodies {
        let event = place.sign(&body, at, &key);
        let id = verify_envelope(&event).expect("it is signed").id;
        place = Place { chain: key.id(), seq: place.seq + 1, prev: Some(id) };
        events.push(event);
    }
    let entry = |event: &Vec<u8>| {
        let event: Value = serde_json::from_slice(event).expect("an event is JSON");
        json!({ "event": event, "received_at": at.to_string() })
    };
    let log = json!({ "chain": key.id(), "entries": events.iter().map(entry).collect::<Vec<_>>() });
    let head = place.prev.expect("there are events");
    (events, head, json_response(serde_json::to_string_pretty(&log).expect("JSON").as_bytes()))
}

/// Is honest about alice, who has that chain.
fn with_chain(server: &ServerName, path: &str) -> Answer {
    let (_, head, log) = chain(server);
    match path {
        "/v1/u/alice" => {
            let standing = ChainStanding { chain: key(1).id(), head: Some(head), active: true };
            let (handle, origin) = ("alice".parse().expect("a handle"), format!("http://{server}"));
            let since = Timestamp::from_unix(1_700_000_000);
            json_of(&Record::new(&handle, server, key(1).id(), standing, &origin, since))
        }
        "/v1/u/alice/registration" => registration("alice", server, &key(1)),
        path if path.ends_with("/audit") => log,
        path => honest(server, path),
    }
}

fn claimed(state: &Value) -> &Value {
    let claims = state["state"]["claims"].as_object().expect("claims");
    &claims.values().next().expect("a claim")["subject"]
}

#[test]
fn a_problems_words() {
    let server = liar("/v1/u/alice", |_| problem());
    let alice = format!("alice@{}", server.name);
    for args in [&["lookup", &alice][..], &["sigchain", "show", &alice], &["sigchain", "offer", &alice]] {
        User::with_key().kez(args).hides_nothing(|problem| &problem["detail"]);
    }
}

#[test]
fn a_records_words() {
    let server = liar("/v1/u/alice", |server| {
        let record = Record { sigchain_url: WORDS.to_owned(), ..record("alice", server, &key(1)) };
        json_of(&record)
    });
    let run = User::new().kez(&["lookup", &format!("alice@{}", server.name)]);
    run.hides_nothing(|record| &record["sigchain_url"]);
}

#[test]
fn a_chains_words() {
    let server = Server::start(with_chain);
    let user = User::new();
    let alice = format!("alice@{}", server.name);
    user.kez(&["sigchain", "show", &alice]).hides_nothing(claimed);
    user.kez(&["sigchain", "verify", &alice]).hides_nothing(claimed);

    let audit = user.kez(&["sigchain", "audit", &alice]);
    let out = String::from_utf8(audit.stdout).expect("output is text");
    assert_eq!(out.chars().find(|c| is_hidden(*c) && *c != '\n'), None);
    let (_, _, served) = chain(&server.name);
    let body = served.windows(4).position(|end| end == b"\r\n\r\n").expect("a body") + 4;
    let served: Value = serde_json::from_slice(&served[body..]).expect("JSON");
    assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON"), served, "nothing else is changed");
    user.kez_with(&["verify"], &[], out.as_bytes()).hides_nothing(claimed);
}

#[test]
fn an_envelopes_words() {
    let (events, ..) = chain(&"kez.example".parse().expect("a name"));
    let unheard_of = events.last().expect("there are events");
    User::new().kez_with(&["verify"], &[], unheard_of).hides_nothing(|verdict| &verdict["type"]);
}

#[test]
fn a_brokers_words() {
    let member = Member::new();
    let (subject, payload) = member.request(1, 1);
    let (receipt, mut is_first) = (member.receipt(1), true);
    let broker = Broker::start(Script::new(move |published| {
        if !published.is_pull() {
            return published.answered(b"");
        }
        let words: String = WORDS.chars().filter(|c| *c != '\u{85}').collect();
        match std::mem::take(&mut is_first) {
            true => published.status(&format!("409 {words}")),
            false => published.message(&subject, &receipt, &payload),
        }
    }));
    let run = member.inbox(&broker, &["watch", "--count", "1"]);
    assert!(run.stderr.contains("\\u202e"), "the broker's words are passed on: {}", run.stderr);
    assert_eq!(run.stderr.chars().find(|c| is_hidden(*c) && *c != '\n'), None);
}

#[test]
fn what_is_asked_for_is_written_as_it_is() {
    let json = format!("{{\"b\":\"{}\",\"a\":1}}", WORDS.replace('\u{1b}', ""));
    let run = User::new().kez_with(&["canonicalize"], &[], json.as_bytes());
    assert_eq!(run.stdout, format!("{{\"a\":1,\"b\":\"{}\"}}", WORDS.replace('\u{1b}', "")).as_bytes());
}
