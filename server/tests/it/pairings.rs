//! The pairing relay: the offer of a new device, from one browser to another.

use kez_core::sigchain::{EncKey, Offer, Place};
use kez_core::{Hash, SigningKey};
use reqwest::Method;
use serde_json::{Value, json};

use crate::chains::owner::{Owner, sign};
use crate::harness::{Answer, Server, key};

const JSON: (&str, &str) = ("content-type", "application/json");

pub(crate) fn offer(place: &Place, key: &SigningKey) -> Value {
    serde_json::to_value(Offer::new(place, key, None).expect("the chain has begun")).expect("JSON")
}

async fn open(server: &Server, offer: &Value) -> Answer {
    server.post("/v1/pairings", offer.to_string()).await
}

async fn opened(server: &Server, offer: &Value) -> (String, String) {
    let answer = open(server, offer).await;
    answer.was(201);
    let text = |name: &str| answer.json()[name].as_str().expect("a text").to_owned();
    (text("code"), text("secret"))
}

async fn change(server: &Server, method: Method, code: &str, secret: &str, offer: &Value) -> Answer {
    let bearer = format!("Bearer {secret}");
    let body = if method == Method::PUT { offer.to_string() } else { String::new() };
    server.send(method, &format!("/v1/pairings/{code}"), &[JSON, ("authorization", &bearer)], body.into()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_is_paired() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let device = key(5);
    let enc_key = Some(EncKey::from_bytes([7; 32]));
    let made = Offer::new(&owner.chain.next(), &device, enc_key).expect("the chain has begun");
    let made = serde_json::to_value(made).expect("JSON");
    let answer = open(&server, &made).await;
    answer.was(201);
    assert_eq!(answer.json()["expires_at"], "2026-05-25T03:10:00Z");
    assert_eq!(answer.header("cache-control"), "no-store");
    let code = answer.json()["code"].as_str().expect("a code").to_owned();
    assert_eq!(answer.header("location"), format!("/v1/pairings/{code}"));
    assert_eq!(answer.json()["secret"].as_str().map(str::len), Some(64));

    let fetched = server.get(&format!("/v1/pairings/{code}")).await;
    fetched.was(200);
    assert_eq!(fetched.header("cache-control"), "no-store");
    let mut expected = made.clone();
    expected["expires_at"] = json!("2026-05-25T03:10:00Z");
    assert_eq!(fetched.json(), expected);

    let mut offer = fetched.json();
    offer.as_object_mut().expect("an object").remove("expires_at");
    let offer = Offer::parse(offer.to_string().as_bytes()).expect("it proves itself");
    assert_eq!(offer.place(), owner.chain.next());
    let event = sign(&offer.place(), &offer.body(), &owner.identity);
    owner.post(&server, &event).await.was(201);
    let found = server.get(&format!("/v1/k/ed25519/{}", device.id().hex())).await;
    assert_eq!(found.json()["handle"], "tudisco");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_proves_itself_is_taken() {
    let server = Server::start().await;
    let place = Owner::start(&server, "tudisco", 1).await.chain.next();
    let good = offer(&place, &key(5));
    let with = |name: &str, value: Value| {
        let mut changed = good.clone();
        changed[name] = value;
        changed.to_string()
    };
    let text = good.to_string();
    let cases = [
        ("another place", with("seq", json!(3)), 400, "bad_signature"),
        ("another head", with("prev", json!(Hash::of(b"x"))), 400, "bad_signature"),
        ("another chain", with("chain", json!(key(3).id())), 400, "bad_signature"),
        ("another key", with("key", json!(key(3).id())), 400, "bad_signature"),
        ("wrong proof", with("pop", offer(&Place { seq: 3, ..place }, &key(5))["pop"].clone()), 400, "bad_signature"),
        ("companion", with("enc_key", json!(EncKey::from_bytes([7; 32]))), 400, "bad_signature"),
        ("S + 0", with("pop", json!("0".repeat(128))), 400, "bad_signature"),
        ("genesis", with("prev", Value::Null), 400, "invalid_request"),
        ("first", with("seq", json!(1)), 400, "invalid_request"),
        ("fraction", text.replace("\"seq\":2", "\"seq\":2.0"), 400, "invalid_request"),
        ("huge", text.replace("\"seq\":2", "\"seq\":18446744073709551616"), 400, "invalid_request"),
        ("text", with("seq", json!("2")), 400, "invalid_request"),
        ("deep", with("prev", json!([])), 400, "invalid_request"),
        ("deeper", with("prev", json!([[]])), 400, "malformed_json"),
        ("more", with("more", json!(1)), 400, "invalid_request"),
        ("short", with("pop", json!("00")), 400, "invalid_request"),
        ("capitals", text.replace("\"pop\":\"", "\"pop\":\"A"), 400, "invalid_request"),
        ("key's spelling", with("key", json!("ed25519:00")), 400, "malformed_key"),
        ("suite", text.replace("ed25519:", "secp256k1:"), 400, "malformed_key"),
        ("small order", with("key", json!(format!("ed25519:01{}", "0".repeat(62)))), 400, "malformed_key"),
        ("chain's order", with("chain", json!(format!("ed25519:01{}", "0".repeat(62)))), 400, "malformed_key"),
        ("empty", String::new(), 400, "malformed_json"),
        ("array", "[]".to_owned(), 400, "invalid_request"),
        ("twice a name", text.replace("\"seq\":2", "\"seq\":2,\"seq\":2"), 400, "malformed_json"),
        ("twice", text.repeat(2), 400, "malformed_json"),
        ("nothing", "{}".to_owned(), 400, "invalid_request"),
        ("2,049 bytes", format!("{text}{}", " ".repeat(2_049 - text.len())), 413, "payload_too_large"),
    ];
    for (name, body, status, code) in cases {
        assert_ne!(body, text, "{name}");
        let answer = server.post("/v1/pairings", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{name}: {}", answer.json());
    }
    let plain = server.send(Method::POST, "/v1/pairings", &[("content-type", "text/plain")], text.clone().into()).await;
    plain.is(415, "unsupported_media_type");
    server.post("/v1/pairings", format!("{text}{}", " ".repeat(2_048 - text.len()))).await.was(201);
    let spaced = serde_json::to_string_pretty(&good).expect("JSON").replace("seq", "\\u0073eq");
    server.post("/v1/pairings", spaced).await.was(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_behind_the_head_of_a_chain_that_is_known_here() {
    let server = Server::start().await;
    let mut owner = Owner::new(1);
    server.register("tudisco", &owner.identity).await;
    let genesis = owner.genesis();
    let begun = Place { chain: owner.chain.id(), seq: 2, prev: Some(Hash::of(&genesis)) };
    open(&server, &offer(&begun, &key(5))).await.is(404, "not_found");
    owner.post(&server, &genesis).await.was(201);
    let before = owner.chain.next();
    open(&server, &offer(&before, &key(5))).await.was(201);
    open(&server, &offer(&Place { seq: 3, ..before }, &key(5))).await.is(409, "chain_conflict");
    open(&server, &offer(&Place { prev: Some(Hash::of(b"x")), ..before }, &key(5))).await.is(409, "chain_conflict");
    open(&server, &offer(&Place { chain: key(9).id(), ..before }, &key(5))).await.is(404, "not_found");
    let event = owner.device(&key(6));
    owner.post(&server, &event).await.was(201);
    open(&server, &offer(&before, &key(5))).await.is(409, "chain_conflict");
    open(&server, &offer(&owner.chain.next(), &key(5))).await.was(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_ends_after_ten_minutes() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let made = offer(&owner.chain.next(), &key(5));
    let (code, secret) = opened(&server, &made).await;
    let path = format!("/v1/pairings/{code}");
    server.clock.advance(599);
    server.get(&path).await.was(200);
    let event = owner.device(&key(6));
    owner.post(&server, &event).await.was(201);
    let replaced = change(&server, Method::PUT, &code, &secret, &offer(&owner.chain.next(), &key(5))).await;
    assert_eq!(replaced.json()["expires_at"], "2026-05-25T03:10:00Z", "replacing gives no more time");
    server.clock.advance(1);
    server.get(&path).await.is(404, "not_found");
    change(&server, Method::PUT, &code, &secret, &made).await.is(404, "not_found");
    change(&server, Method::DELETE, &code, &secret, &made).await.is(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_read_as_people_write_them() {
    let server = Server::start().await;
    let owner = Owner::start(&server, "tudisco", 1).await;
    let (code, _) = opened(&server, &offer(&owner.chain.next(), &key(5))).await;
    let plain = code.replace('-', "");
    assert!(code.len() == 11 && code.as_bytes()[5] == b'-', "{code}");
    assert!(plain.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() && !b"ILOU".contains(&b)), "{code}");
    let mistaken = code.replace('0', "o").replace('1', "l");
    for spelling in [code.clone(), code.to_lowercase(), plain.clone(), plain.to_lowercase(), mistaken] {
        server.get(&format!("/v1/pairings/{spelling}")).await.was(200);
    }
    let last = if code.ends_with('Z') { "Y" } else { "Z" };
    let other = format!("{}{last}", &code[..10]);
    for wrong in [&*other, &code[..10], &*format!("{code}0"), "%ff", "%00", "UUUUU-UUUUU", "-"] {
        server.get(&format!("/v1/pairings/{wrong}")).await.is(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_made_an_offer_changes_it() {
    let server = Server::start().await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let other = Owner::start(&server, "friend", 3).await;
    let first = offer(&owner.chain.next(), &key(5));
    let (code, secret) = opened(&server, &first).await;
    let (_, other_secret) = opened(&server, &first).await;
    let path = format!("/v1/pairings/{code}");
    let event = owner.device(&key(6));
    owner.post(&server, &event).await.was(201);
    let newer = offer(&owner.chain.next(), &key(5));
    for wrong in [&*other_secret, "", &secret[1..], &code] {
        for method in [Method::PUT, Method::DELETE] {
            let answer = change(&server, method, &code, wrong, &newer).await;
            answer.is(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    server.send(Method::DELETE, &path, &[], Vec::new()).await.is(401, "unauthorized");
    let basic = format!("Basic {secret}");
    server.send(Method::DELETE, &path, &[("authorization", &basic)], Vec::new()).await.is(401, "unauthorized");
    assert_eq!(server.get(&path).await.json()["seq"], 2, "nothing changed");

    let put = |offer: Value| {
        let (server, code, secret) = (&server, &code, &secret);
        async move { change(server, Method::PUT, code, secret, &offer).await }
    };
    put(offer(&owner.chain.next(), &key(7))).await.is(400, "key_mismatch");
    put(offer(&other.chain.next(), &key(5))).await.is(400, "key_mismatch");
    put(first.clone()).await.is(409, "chain_conflict");
    let mut forged = newer.clone();
    forged["seq"] = json!(4);
    put(forged).await.is(400, "bad_signature");
    assert_eq!(server.get(&path).await.json()["seq"], 2, "nothing changed");
    let replaced = put(newer.clone()).await;
    replaced.was(200);
    assert_eq!(server.get(&path).await.json(), replaced.json());
    assert_eq!((&replaced.json()["seq"], &replaced.json()["pop"]), (&json!(3), &newer["pop"]));

    let gone = change(&server, Method::DELETE, &code, &secret, &Value::Null).await;
    assert_eq!((gone.status, gone.bytes.len()), (204, 0));
    server.get(&path).await.is(404, "not_found");
    change(&server, Method::DELETE, &code, &secret, &Value::Null).await.is(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_limited() {
    let server = Server::start_with(&["--trusted-proxies", "127.0.0.0/8"]).await;
    let owner = Owner::start(&server, "tudisco", 1).await;
    let made = offer(&owner.chain.next(), &key(5)).to_string();
    let from = async |method: Method, path: &str, address: &str| {
        server.send(method, path, &[JSON, ("x-forwarded-for", address)], made.clone().into()).await
    };
    for _ in 0..20 {
        from(Method::POST, "/v1/pairings", "198.51.100.7").await.was(201);
    }
    let refused = from(Method::POST, "/v1/pairings", "198.51.100.7").await;
    refused.is(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "600");
    let other = from(Method::POST, "/v1/pairings", "198.51.100.8").await;
    other.was(201);
    let path = other.header("location").to_owned();
    server.clock.advance(600);
    from(Method::POST, "/v1/pairings", "198.51.100.7").await.was(201);

    for asked in 0..60 {
        let (method, path) = if asked % 2 == 0 { (Method::GET, &*path) } else { (Method::DELETE, "/v1/pairings/x") };
        from(method, path, "203.0.113.9").await.is(404, "not_found");
    }
    from(Method::GET, &path, "203.0.113.9").await.is(429, "rate_limited");
    from(Method::DELETE, &path, "203.0.113.9").await.is(429, "rate_limited");
    from(Method::PUT, &path, "203.0.113.9").await.is(429, "rate_limited");
    assert_eq!(from(Method::GET, "/v1/healthz", "203.0.113.9").await.status, 200, "only codes are guarded so");
    from(Method::GET, &path, "203.0.113.10").await.is(404, "not_found");
}
