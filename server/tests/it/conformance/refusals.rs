//! Every problem that an operation names does occur, and looks as the document says.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer as _, SigningKey as Signer};
use kez_chat_server::clock::Clock as _;
use kez_core::chat_instance::ChatInstance;
use kez_core::commit_order::NewCommit;
use kez_core::conversation_start::Start;
use kez_core::key_packages::{Claim, Upload};
use kez_core::registration::Statement;
use kez_core::sigchain::Place;
use kez_core::{Hash, ServerName, SigningKey, Timestamp};
use reqwest::Method;

use super::document::{Document, Named};
use crate::chains::owner::Owner;
use crate::conversations;
use crate::harness::{Answer, NAME, Server, handle, key, name};
use crate::instances;
use crate::keypackages;
use crate::pairings::offer;

const JSON: (&str, &str) = ("content-type", "application/json");
const CHAIN: &str = "/v1/sigchains/ed25519/{hex}";
const TOKEN: &str = "0123456789abcdef";
/// The digits of something that is no key.
const NO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What was seen so far.
struct Seen {
    document: Document,
    problems: BTreeSet<Named>,
}

impl Seen {
    fn saw(&mut self, method: &str, template: &str, answer: &Answer) {
        self.document.check(method, template, answer);
        if (400..500).contains(&answer.status) {
            self.problems.insert(format!("{method} {template} {} {}", answer.status, answer.code()));
        }
    }
}

/// A server with a handle, a chain of two events and an offer, and what leads to them.
struct World {
    server: Server,
    owner: Owner,
    code: String,
    bearer: String,
}

impl World {
    async fn start() -> World {
        let server = Server::start_with(&["--export", "public"]).await;
        let mut owner = Owner::start(&server, "tudisco", 1).await;
        let device = owner.device(&key(3));
        owner.post(&server, &device).await.was(201);
        let opened = server.post("/v1/pairings", offer(&owner.chain.next(), &key(5)).to_string()).await;
        opened.was(201);
        let text = |name: &str| opened.json()[name].as_str().expect("a text").to_owned();
        let (code, bearer) = (text("code"), format!("Bearer {}", text("secret")));
        World { server, owner, code, bearer }
    }

    /// The path of something that is there.
    fn path(&self, template: &str) -> String {
        let path = template.replace("{handle}", "tudisco").replace("{suite}", "ed25519").replace("{seq}", "1");
        let path = path.replace("{hex}", self.owner.chain.id().hex().as_ref()).replace("{code}", &self.code);
        if template == "/.well-known/webfinger" { format!("{path}?resource=acct:tudisco@{NAME}") } else { path }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let method = method.to_uppercase().parse::<Method>().expect("a method");
        self.server.send(method, path, headers, body.to_vec()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_that_is_named_occurs_and_conforms() {
    let world = World::start().await;
    let mut seen = Seen { document: Document::of(&world.server).await, problems: BTreeSet::new() };
    for (method, template) in seen.document.operations() {
        any_request(&world, &mut seen, &method, &template).await;
    }
    too_many(&mut seen).await;
    reads(&world, &mut seen).await;
    handles(&world, &mut seen).await;
    chains(&world, &mut seen).await;
    logs(&world, &mut seen).await;
    exports(&mut seen).await;
    pairings(&world, &mut seen).await;
    key_packages(&world, &mut seen).await;
    conversations(&world, &mut seen).await;
    instances(&world, &mut seen).await;
    let named = seen.document.named();
    let missing: Vec<_> = named.difference(&seen.problems).collect();
    assert!(missing.is_empty(), "named, and never seen: {missing:#?}");
}

/// What is wrong with a request before anybody looks at what it wants.
async fn any_request(world: &World, seen: &mut Seen, method: &str, template: &str) {
    let path = world.path(template);
    let body: &[u8] = if matches!(method, "post" | "put") { b"{}" } else { b"" };
    let twice = world.ask(method, &path, &[("host", "a"), ("host", "b"), JSON], body).await;
    twice.is(400, "invalid_request");
    seen.saw(method, template, &twice);
    let mark = if path.contains('?') { '&' } else { '?' };
    let long = world.ask(method, &format!("{path}{mark}x={}", "x".repeat(9_000)), &[], body).await;
    long.is(414, "uri_too_long");
    seen.saw(method, template, &long);
    let large = world.ask(method, &path, &[("x-large", &"x".repeat(40_000))], body).await;
    large.is(431, "headers_too_large");
    seen.saw(method, template, &large);
    let encoded = world.ask(method, &path, &[("content-encoding", "gzip"), JSON], b"{}").await;
    encoded.is(415, "unsupported_media_type");
    seen.saw(method, template, &encoded);
    if method == "get" {
        let unmet = world.ask(method, &path, &[("if-match", "\"another\"")], b"").await;
        unmet.is(412, "precondition_failed");
        seen.saw(method, template, &unmet);
        let known = world.ask(method, &path, &[("if-none-match", "*")], b"").await;
        assert_eq!(known.status, 304, "{template}");
        seen.saw(method, template, &known);
    }
}

/// Each operation for a client of its own, until it may no more.
async fn too_many(seen: &mut Seen) {
    let flags = ["--trusted-proxies", "127.0.0.1", "--reads-per-second", "1", "--writes-per-minute", "1"];
    let server = Server::start_with(&flags).await;
    for (number, (method, template)) in seen.document.operations().into_iter().enumerate() {
        let client = format!("203.0.113.{number}");
        let path = template.replace("{seq}", "1").replace(['{', '}'], "");
        let method_name: Method = method.to_uppercase().parse().expect("a method");
        let ask = async || {
            server.send(method_name.clone(), &path, &[("x-forwarded-for", client.as_str()), JSON], Vec::new()).await
        };
        let mut answer = ask().await;
        while answer.status != 429 {
            answer = ask().await;
        }
        seen.saw(&method, &template, &answer);
    }
}

async fn reads(world: &World, seen: &mut Seen) {
    let gone = "/v1/u/{handle}";
    world.server.register("leaver", &key(40)).await;
    world.server.post("/v1/release", world.server.release("leaver", &key(40))).await.was(200);
    for rest in ["", "/registration", "/claims"] {
        for name in ["nobody", "leaver"] {
            let answer = world.server.get(&format!("/v1/u/{name}{rest}")).await;
            seen.saw("get", &format!("{gone}{rest}"), &answer);
        }
    }
    for (template, path) in [
        ("/v1/k/{suite}/{hex}", "/v1/k/ed25519/00"),
        ("/.well-known/webfinger", "/.well-known/webfinger?resource=acct:nobody"),
        ("/.well-known/webfinger", "/.well-known/webfinger?resource=acct:nobody@elsewhere.example"),
        ("/v1/pairings/{code}", "/v1/pairings/00000-00000"),
        ("/v1/export", "/v1/export?limit=501"),
        ("/v1/sigchains/ed25519/{hex}", "/v1/sigchains/ed25519/00"),
        ("/v1/sigchains/ed25519/{hex}/head", "/v1/sigchains/ed25519/00/head"),
        ("/v1/sigchains/ed25519/{hex}/audit", "/v1/sigchains/ed25519/00/audit"),
        ("/v1/sigchains/ed25519/{hex}/state", "/v1/sigchains/ed25519/00/state"),
        ("/v1/sigchains/ed25519/{hex}/events", "/v1/sigchains/ed25519/00/events"),
        ("/v1/sigchains/ed25519/{hex}/events/{seq}", "/v1/sigchains/ed25519/00/events/1"),
    ] {
        seen.saw("get", template, &world.server.get(path).await);
    }
    for (rest, query) in
        [("/state", "?at_seq=x"), ("/events", "?limit=501"), ("/events", "?after=-1"), ("/events/{seq}", "")]
    {
        let path = world.owner.path(&rest.replace("{seq}", "two"));
        let answer = world.server.get(&format!("{path}{query}")).await;
        answer.is(400, "invalid_resource");
        seen.saw("get", &format!("{CHAIN}{rest}"), &answer);
    }
}

/// An envelope of any words whatever, signed by the key of this seed.
fn signed(kind: &str, name: &str, seed: u8, time: &str) -> String {
    let primary = key(seed).id();
    let payload = format!(
        r#"{{"created_at":"{time}","handle":"{name}","primary":"{primary}","server":"{NAME}","type":"kez.chat.{kind}","version":1}}"#
    );
    let sig = HEXLOWER.encode(&Signer::from_bytes(&[seed; 32]).sign(payload.as_bytes()).to_bytes());
    format!(
        r#"{{"kez":"{kind}","payload":{payload},"signature":{{"alg":"ed25519-sha512-jcs","key":"{primary}","sig":"{sig}"}}}}"#
    )
}

async fn handles(world: &World, seen: &mut Seen) {
    let server = &world.server;
    for (path, kind) in [("/v1/register", "handle_registration"), ("/v1/release", "handle_release")] {
        let now = "2026-05-25T03:00:00Z";
        let good = signed(kind, "another", 50, now);
        let (mine, other) = (key(50).id().to_string(), key(51).id().to_string());
        let sign = |statement: Statement| String::from_utf8(statement.sign(&key(50))).expect("JSON is UTF-8");
        let (name, elsewhere) = (handle("another"), "elsewhere.example".parse().expect("a name"));
        let elsewhere = match kind {
            "handle_release" => Statement::release(name, elsewhere, now.parse().expect("a time")),
            _ => Statement::registration(name, elsewhere, now.parse().expect("a time")),
        };
        for (code, body) in [
            ("payload_too_large", " ".repeat(17_000)),
            ("malformed_json", "{".to_owned()),
            ("malformed_envelope", "{}".to_owned()),
            ("unsupported_alg", good.replace("ed25519-sha512-jcs", "ed25519-sha512")),
            ("malformed_key", good.replace(&mine["ed25519:".len()..], NO_KEY)),
            ("key_mismatch", good.replacen(&mine, &other, 1)),
            ("bad_signature", good.replace("another", "anothers")),
            ("wrong_server", sign(elsewhere)),
            ("invalid_handle", signed(kind, "Another", 50, now)),
            ("stale_timestamp", signed(kind, "another", 50, "2026-05-25T03:05:01Z")),
        ] {
            let answer = server.post(path, body).await;
            assert_eq!(answer.code(), code);
            seen.saw("post", path, &answer);
        }
    }
    let register = |name: &str, by: &SigningKey| server.post("/v1/register", server.registration(name, by));
    let release = |name: &str, by: &SigningKey| server.post("/v1/release", server.release(name, by));
    let first = server.registration("another", &key(50));
    server.post("/v1/register", first.clone()).await.was(201);
    let left = server.release("another", &key(50));
    for (code, answer) in [
        ("reserved_handle", register("admin", &key(52)).await),
        ("handle_taken", register("another", &key(52)).await),
        ("key_already_registered", register("third", &key(50)).await),
    ] {
        assert_eq!(answer.code(), code);
        seen.saw("post", "/v1/register", &answer);
    }
    let unknown = release("third", &key(50)).await;
    unknown.is(404, "not_found");
    server.post("/v1/release", left.clone()).await.was(200);
    let replayed = server.post("/v1/register", first).await;
    replayed.is(409, "replayed");
    seen.saw("post", "/v1/register", &replayed);
    let again = server.post("/v1/release", left).await;
    server.clock.advance(1);
    let gone = release("another", &key(50)).await;
    gone.is(410, "gone");
    for answer in [unknown, again, gone] {
        seen.saw("post", "/v1/release", &answer);
    }
}

async fn chains(world: &World, seen: &mut Seen) {
    let (server, owner, stranger) = (&world.server, &world.owner, Owner::new(60));
    let events = format!("{CHAIN}/events");
    let stale = stranger.claim("dns", "example.org", "elsewhere");
    for (code, path, body) in [
        ("payload_too_large", owner.path("/events"), vec![b' '; 17_000]),
        ("malformed_json", owner.path("/events"), b"{".to_vec()),
        ("invalid_event", owner.path("/events"), b"{}".to_vec()),
        ("chain_conflict", owner.path("/events"), {
            let place = Place { seq: 2, prev: Some(Hash::of(b"another")), ..owner.chain.next() };
            owner.rotation_at(&place, &key(61), &owner.recovery)
        }),
        ("key_not_authorised", stranger.path("/events"), stranger.genesis()),
        ("not_found", "/v1/sigchains/ed25519/00/events".to_owned(), stale),
    ] {
        let answer = server.post(&path, body).await;
        assert_eq!(answer.code(), code, "{}", answer.json());
        seen.saw("post", &events, &answer);
    }
}

async fn logs(world: &World, seen: &mut Seen) {
    let (server, owner, stranger) = (&world.server, &world.owner, Owner::new(60));
    let log = server.get(&owner.path("/audit")).await.bytes;
    let mut shorter: serde_json::Value = serde_json::from_slice(&log).expect("JSON");
    shorter["entries"].as_array_mut().expect("entries").pop();
    for (code, path, body) in [
        ("payload_too_large", owner.path(""), vec![b' '; 9 * 1024 * 1024]),
        ("malformed_json", owner.path(""), b"{".to_vec()),
        ("invalid_event", owner.path(""), b"{}".to_vec()),
        ("chain_conflict", owner.path(""), shorter.to_string().into_bytes()),
        ("key_not_authorised", stranger.path(""), log),
        ("not_found", "/v1/sigchains/ed25519/00".to_owned(), b"{}".to_vec()),
    ] {
        let answer = server.send(Method::PUT, &path, &[JSON], body).await;
        assert_eq!(answer.code(), code, "{}", answer.json());
        seen.saw("put", CHAIN, &answer);
    }
}

async fn exports(seen: &mut Seen) {
    let off = Server::start_with(&["--export", "off"]).await.get("/v1/export").await;
    off.is(404, "not_found");
    let token = Server::start_with(&["--export", "token", "--export-token", TOKEN]).await.get("/v1/export").await;
    token.is(401, "unauthorized");
    assert_eq!(token.header("www-authenticate"), "Bearer");
    seen.saw("get", "/v1/export", &off);
    seen.saw("get", "/v1/export", &token);
}

async fn key_packages(world: &World, seen: &mut Seen) {
    let (server, mine) = (&world.server, key(80).id());
    server.register("packager", &key(80)).await;
    server.register("unpackager", &key(81)).await;
    server.post("/v1/release", server.release("unpackager", &key(81))).await.was(200);
    let now = server.clock.now();
    let upload = |server, created_at| {
        text(Upload { server, created_at, ..keypackages::packages(mine, now, [1]) }.sign(&key(80)))
    };
    let claim =
        |server, created_at| text(Claim { server, created_at, ..keypackages::claim(mine, mine, now) }.sign(&key(80)));
    for (path, sign, stranger) in [
        (keypackages::PATH, &upload as &dyn Fn(_, _) -> _, keypackages::packages(mine, now, [1]).sign(&key(82))),
        (keypackages::CLAIMS, &claim, keypackages::claim(mine, mine, now).sign(&key(82))),
    ] {
        let alter = |good: &str| good.replacen("\"nonce\":\"", "\"nonce\":\"f", 1).replacen("00\",", "0\",", 1);
        any_envelope(world, seen, path, sign, alter, stranger).await;
    }
    for (code, to) in [("not_found", key(83).id()), ("gone", key(81).id())] {
        let answer = server.claim(&key(80), mine, to).await;
        assert_eq!(answer.code(), code);
        seen.saw("post", keypackages::CLAIMS, &answer);
    }
    for upload in 0..8 {
        server.put(&key(80), mine, upload * 12..(upload + 1) * 12).await.was(201);
    }
    let many = server.put(&key(80), mine, 100..112).await;
    many.is(409, "too_many_key_packages");
    seen.saw("post", keypackages::PATH, &many);
}

async fn conversations(world: &World, seen: &mut Seen) {
    let (server, mine) = (&world.server, key(85).id());
    server.register("talker", &key(85)).await;
    let now = server.clock.now();
    let sign = |server, created_at| {
        text(Start { server, created_at, ..conversations::start(7, &key(85), now) }.sign(&key(85)))
    };
    let stranger = Start { from: mine, ..conversations::start(7, &key(86), now) }.sign(&key(86));
    let alter = |good: &str| good.replacen("0707", "0708", 1);
    any_envelope(world, seen, conversations::PATH, &sign, alter, stranger).await;
    server.post(conversations::PATH, sign(name(), now)).await.was(201);
    let other = Start { gate: [0; 32], ..conversations::start(7, &key(85), now) };
    let other = server.post(conversations::PATH, other.sign(&key(85))).await;
    other.is(409, "conversation_conflict");
    seen.saw("post", conversations::PATH, &other);
    let commit = conversations::commit(7, 1, 0);
    for (code, body) in [
        ("payload_too_large", vec![b' '; 100_000]),
        ("malformed_json", b"{".to_vec()),
        ("invalid_request", b"{}".to_vec()),
        ("not_found", NewCommit { conversation: [8; 16], ..commit.clone() }.to_json()),
        ("conversation_conflict", NewCommit { epoch: 9, ..commit.clone() }.to_json()),
        ("not_a_member", NewCommit { gate: [0; 32], ..commit }.to_json()),
    ] {
        let answer = server.post(conversations::COMMITS, body).await;
        assert_eq!(answer.code(), code, "{}", answer.json());
        seen.saw("post", conversations::COMMITS, &answer);
    }
    for (code, body) in [
        ("payload_too_large", " ".repeat(17_000)),
        ("malformed_json", "{".to_owned()),
        ("invalid_request", "{}".to_owned()),
        ("not_found", format!("{{\"conversation\":\"{}\"}}", "08".repeat(16))),
    ] {
        let answer = server.post(conversations::LOG, body).await;
        assert_eq!(answer.code(), code, "{}", answer.json());
        seen.saw("post", conversations::LOG, &answer);
    }
}

async fn instances(world: &World, seen: &mut Seen) {
    let (server, mine, now) = (&world.server, key(84).id(), world.server.clock.now());
    server.register("opener", &key(84)).await;
    let sign = |server, created_at| {
        text(ChatInstance { server, created_at, ..instances::said(mine, None, 1, now) }.sign(&key(84)))
    };
    let stranger = instances::said(mine, None, 1, now).sign(&key(82));
    any_envelope(
        world,
        seen,
        instances::PATH,
        &sign,
        |good| good.replace(&"01".repeat(16), &"02".repeat(16)),
        stranger,
    )
    .await;
    server.post(instances::PATH, sign(name(), now)).await.was(201);
    let copy = server.post(instances::PATH, instances::said(mine, Some(9), 2, now).sign(&key(84))).await;
    copy.is(409, "conversation_conflict");
    seen.saw("post", instances::PATH, &copy);
}

fn text(signed: Vec<u8>) -> String {
    String::from_utf8(signed).expect("JSON is UTF-8")
}

/// What any envelope of a device may be refused for: `sign` makes a good one for a server and a time, `alter` changes what it
/// says, and `stranger` signed one who may not.
async fn any_envelope(
    world: &World,
    seen: &mut Seen,
    path: &str,
    sign: &dyn Fn(ServerName, Timestamp) -> String,
    alter: impl Fn(&str) -> String,
    stranger: Vec<u8>,
) {
    let now = world.server.clock.now();
    let late = Timestamp::from_unix(now.unix() - 301);
    let elsewhere: ServerName = "elsewhere.example".parse().expect("a name");
    let good = sign(name(), now);
    // Chains and devices are keys, and this is none of them.
    let signer: serde_json::Value = serde_json::from_str(&good).expect("JSON");
    let signer = signer["signature"]["key"].as_str().expect("a key").trim_start_matches("ed25519:").to_owned();
    for (code, body) in [
        ("payload_too_large", " ".repeat(90_000)),
        ("malformed_json", "{".to_owned()),
        ("malformed_envelope", "{}".to_owned()),
        ("unsupported_alg", good.replace("ed25519-sha512-jcs", "ed25519-sha512")),
        ("malformed_key", good.replace(&signer, NO_KEY)),
        ("bad_signature", alter(&good)),
        ("wrong_server", sign(elsewhere, now)),
        ("stale_timestamp", sign(name(), late)),
        ("key_not_authorised", text(stranger)),
    ] {
        let answer = world.server.post(path, body).await;
        assert_eq!(answer.code(), code, "{path}: {}", answer.json());
        seen.saw("post", path, &answer);
    }
}

async fn pairings(world: &World, seen: &mut Seen) {
    let (server, owner, template) = (&world.server, &world.owner, "/v1/pairings/{code}");
    let path = world.path(template);
    let good = offer(&owner.chain.next(), &key(5)).to_string();
    let (mine, place) = (key(5).id().to_string(), owner.chain.next());
    let nowhere = Place { chain: key(70).id(), ..place.clone() };
    let moved = Place { prev: Some(Hash::of(b"another")), ..place };
    let bad = [
        ("payload_too_large", " ".repeat(3_000)),
        ("malformed_json", "{".to_owned()),
        ("invalid_request", "{}".to_owned()),
        ("malformed_key", good.replace(&mine["ed25519:".len()..], NO_KEY)),
        ("bad_signature", good.replacen("\"seq\":3", "\"seq\":4", 1)),
    ];
    for (code, body) in &bad {
        let opened = server.post("/v1/pairings", body.as_str()).await;
        assert_eq!(opened.code(), *code);
        seen.saw("post", "/v1/pairings", &opened);
        let replaced = world.ask("put", &path, &[JSON, ("authorization", &world.bearer)], body.as_bytes()).await;
        assert_eq!(replaced.code(), *code);
        seen.saw("put", template, &replaced);
    }
    for (code, place) in [("not_found", &nowhere), ("chain_conflict", &moved)] {
        let opened = server.post("/v1/pairings", offer(place, &key(5)).to_string()).await;
        assert_eq!(opened.code(), code);
        seen.saw("post", "/v1/pairings", &opened);
    }
    let put = |path: String, bearer: String, body: String| async move {
        world.ask("put", &path, &[JSON, ("authorization", &bearer)], body.as_bytes()).await
    };
    let bearer = &world.bearer;
    for (code, answer) in [
        ("chain_conflict", put(path.clone(), bearer.clone(), offer(&moved, &key(5)).to_string()).await),
        ("key_mismatch", put(path.clone(), bearer.clone(), offer(&owner.chain.next(), &key(6)).to_string()).await),
        ("unauthorized", put(path.clone(), "Bearer x".to_owned(), "{".to_owned()).await),
        ("not_found", put("/v1/pairings/00000-00000".to_owned(), bearer.clone(), good).await),
    ] {
        assert_eq!(answer.code(), code);
        seen.saw("put", template, &answer);
    }
    for (path, bearer) in [(path.as_str(), "Bearer x"), ("/v1/pairings/00000-00000", bearer.as_str())] {
        let answer = world.ask("delete", path, &[("authorization", bearer)], b"").await;
        seen.saw("delete", template, &answer);
    }
}
