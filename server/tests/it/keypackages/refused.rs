//! What is refused, and in which order.

use kez_chat_server::clock::Clock as _;
use kez_core::SigningKey;
use kez_core::key_packages::{Claim, Upload};
use serde_json::{Value, json};

use super::{CLAIMS, PATH, claim, package, packages};
use crate::harness::{Server, key};

/// An envelope changed after it was signed.
fn altered(text: &[u8], change: impl FnOnce(&mut Value)) -> String {
    let mut envelope = serde_json::from_slice(text).expect("JSON");
    change(&mut envelope);
    envelope.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_answers_before_those_behind_it() {
    let server = Server::with(&[1, 2]).await;
    let (mine, now) = (key(1).id(), server.clock.now());
    let late = now.unix() - 301;
    let late = kez_core::Timestamp::from_unix(late);
    let elsewhere = "elsewhere.example".parse().expect("a name");
    let stranger = key(9);
    for (path, sign) in [
        (
            PATH,
            &(|server, created_at, by: &SigningKey| {
                let chain = if by.id() == mine { mine } else { key(2).id() };
                Upload { server, created_at, ..packages(chain, now, [1]) }.sign(by)
            }) as &dyn Fn(_, _, &SigningKey) -> Vec<u8>,
        ),
        (CLAIMS, &|server, created_at, by: &SigningKey| {
            let from = if by.id() == mine { mine } else { key(2).id() };
            Claim { server, created_at, ..claim(from, key(90).id(), now) }.sign(by)
        }),
    ] {
        let here = crate::harness::name();
        let good = sign(here.clone(), now, &key(1));
        let unsigned = |text: &[u8]| altered(text, |envelope| envelope["signature"]["sig"] = json!("0".repeat(128)));
        // Each is wrong in every later way, too.
        let worst = sign(kez_core::ServerName::clone(&elsewhere), late, &stranger);
        let extra = altered(&worst, |envelope| {
            envelope["payload"]["more"] = json!(1);
            envelope["signature"]["alg"] = json!("none");
        });
        let alg = altered(&worst, |envelope| {
            envelope["signature"]["alg"] = json!("none");
            envelope["signature"]["key"] = json!("nobody");
        });
        let no_key = altered(&worst, |envelope| {
            envelope["signature"]["key"] = json!(format!("ed25519:{}", "0".repeat(64)));
        });
        for (code, status, body) in [
            ("malformed_json", 400, format!("{extra}}}")),
            ("malformed_envelope", 400, extra),
            ("unsupported_alg", 400, alg),
            ("malformed_key", 400, no_key),
            ("bad_signature", 400, unsigned(&worst)),
            ("wrong_server", 400, String::from_utf8(worst).expect("JSON is UTF-8")),
            ("stale_timestamp", 400, String::from_utf8(sign(here.clone(), late, &stranger)).expect("JSON is UTF-8")),
            ("key_not_authorised", 403, String::from_utf8(sign(here, now, &stranger)).expect("JSON is UTF-8")),
        ] {
            let answer = server.post(path, body).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}: {}", answer.json());
            assert_eq!(answer.json()["server_time"].is_string(), code == "stale_timestamp");
        }
        let plain = server.send(reqwest::Method::POST, path, &[("content-type", "text/plain")], good.clone()).await;
        plain.is(415, "unsupported_media_type");
        let answer = server.post(path, good).await;
        if path == PATH { answer.was(201) } else { answer.is(404, "not_found") }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_of_another_form_are_refused() {
    let server = Server::with(&[1]).await;
    let (chain, now) = (key(1).id(), server.clock.now());
    let good = packages(chain, now, [1, 2]).sign(&key(1));
    let text = package(1).to_string();
    for (name, bad) in [
        ("another wire format", json!(text.replacen("AAEABQ", "AAEAAw", 1))),
        ("another version", json!(text.replacen("AAEABQ", "AAIABQ", 1))),
        ("another suite", json!(text.replacen("AAEABQABAAM", "AAEABQABAAE", 1))),
        ("padding", json!(format!("{text}=="))),
        ("too short", json!(&text[..84])),
        ("too long", json!(format!("{text}{}", "A".repeat(8_000)))),
        ("a number", json!(1)),
    ] {
        for place in ["packages", "last_resort"] {
            let body = altered(&good, |envelope| match place {
                "packages" => envelope["payload"]["packages"][1] = bad.clone(),
                _ => envelope["payload"]["last_resort"] = bad.clone(),
            });
            let answer = server.post(PATH, body).await;
            assert_eq!(answer.code(), "malformed_envelope", "{name} in {place}");
        }
    }
    server.put(&key(1), chain, 0..13).await.is(400, "malformed_envelope");
    server.put(&key(1), chain, 0..12).await.was(201);
    let devices = (1..=65).map(|seed| key(seed).id()).collect();
    let many = Claim { devices, ..claim(chain, chain, now) };
    server.post(CLAIMS, many.sign(&key(1))).await.is(400, "malformed_envelope");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_good_for_one_kind_of_envelope() {
    let server = Server::with(&[1, 2]).await;
    let (mine, now) = (key(1).id(), server.clock.now());
    let (upload, claim) = (packages(mine, now, [1]).sign(&key(1)), claim(mine, key(2).id(), now).sign(&key(1)));
    server.post(CLAIMS, upload.clone()).await.is(400, "malformed_envelope");
    server.post(PATH, claim.clone()).await.is(400, "malformed_envelope");
    server.post("/v1/register", upload.clone()).await.is(400, "malformed_envelope");
    for (path, text, tag) in [(CLAIMS, upload, "key_package_claim"), (PATH, claim, "key_packages")] {
        let dressed = altered(&text, |envelope| envelope["kez"] = json!(tag));
        server.post(path, dressed).await.is(400, "malformed_envelope");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_identities_with_a_live_handle_here_take_part() {
    let server = Server::with(&[1, 2, 3]).await;
    let (alice, bob, gone) = (key(1).id(), key(2).id(), key(3).id());
    server.put(&key(3), gone, [1]).await.was(201);
    server.post("/v1/release", server.release("person3", &key(3))).await.was(200);
    server.put(&key(3), gone, [2]).await.is(403, "key_not_authorised");
    server.put(&key(9), key(9).id(), [1]).await.is(403, "key_not_authorised");
    server.put(&key(2), alice, [1]).await.is(403, "key_not_authorised");
    server.claim(&key(3), gone, alice).await.is(403, "key_not_authorised");
    server.claim(&key(2), alice, bob).await.is(403, "key_not_authorised");
    let released = server.claim(&key(1), alice, gone).await;
    released.is(410, "gone");
    server.claim(&key(1), alice, key(9).id()).await.is(404, "not_found");
    // Who takes a released handle is somebody else.
    server.clock.advance(366 * 86_400);
    server.register("person3", &key(4)).await;
    server.claim(&key(1), alice, gone).await.is(404, "not_found");
    assert_eq!(server.claim(&key(1), alice, key(4).id()).await.given().1, [json!(key(4).id())]);
}
