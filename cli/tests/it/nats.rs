//! `kez nats sign`.

use kez_core::nats_login::{decode_signature, verify, verify_stock};
use kez_core::nkey::Nkey;
use kez_core::{KeyId, Suite};
use serde_json::json;

use super::hostile::{Server, honest};
use super::{Run, User, vectors};

const NONCE: &str = "aM28yb1GkNEYbdQ";

fn id(user: &User) -> KeyId {
    let shown = user.kez(&["key", "show"]).json();
    shown["key"].as_str().expect("a key is text").parse().expect("it is a key's id")
}

/// Whether the login is this user's for this server and nonce, and nothing more.
fn proves(run: &Run, user: &User, server: &str, nonce: &str) -> bool {
    let login = run.json();
    assert_eq!(login.as_object().map(serde_json::Map::len), Some(2), "{login}");
    let nkey: Nkey = login["nkey"].as_str().expect("it is text").parse().expect("it is an nkey");
    let sig = decode_signature(login["sig"].as_str().expect("it is text")).expect("it is a signature");
    let (key, nonce) = (id(user), nonce.parse().expect("it is a nonce"));
    assert_eq!((key.suite(), nkey.as_bytes()), (Suite::Ed25519, key.as_bytes()));
    assert!(!verify_stock(&key, &nonce, &sig), "a bare nonce is never signed");
    verify(&key, &server.parse().expect("it is a name"), &nonce, &sig)
}

#[test]
fn the_vectors_are_signed_as_they_say() {
    let mut signed = 0;
    for (name, vector) in vectors("nats_login/valid") {
        let Some(seed) = vector["expect"]["seed_hex"].as_str() else { continue };
        let user = User::new();
        let bytes: [u8; 32] = const_hex::decode_to_array(seed).expect("a seed is hex");
        let key = kez_core::SigningKey::from_seed(&bytes).id();
        user.write_key(&json!({ "version": 1, "key": key, "seed": seed }));
        let text = |member: &str| vector[member].as_str().expect("it is text");
        let login = user.kez(&["nats", "sign", text("nonce"), "--server-name", text("server")]).json();
        assert_eq!(login, json!({ "nkey": vector["nkey"], "sig": vector["sig"] }), "{name}");
        signed += 1;
    }
    assert!(signed > 3);
}

#[test]
fn what_is_no_nonce_is_not_signed() {
    let user = User::with_key();
    let long = "a".repeat(5000);
    for bad in
        ["", "aM28yb1GkNEYbd", "aM28yb1GkNEYbdQQ", "aM28yb1GkNEYbd+", "aM28yb1GkNEYb\n", "{\"type\":\"x\"}", &long]
    {
        let (code, detail) = user.kez(&["nats", "sign", "--server-name", "kez.example", bad]).problem();
        assert_eq!(code, "malformed_nonce", "{bad}");
        assert!(detail.contains("15 characters"), "{detail}");
    }
    for (name, vector) in vectors("nats_login/invalid") {
        if vector["expect"]["code"] == "malformed_nonce" {
            let nonce = vector["nonce"].as_str().expect("it is text");
            let run = user.kez(&["nats", "sign", nonce, "--server-name", "kez.example"]);
            assert_eq!(run.problem().0, "malformed_nonce", "{name}");
        }
    }
}

#[test]
fn a_nonce_may_look_like_a_flag() {
    let user = User::with_key();
    for nonce in ["-aM28yb1GkNEYbd", "--aM28yb1GkNEYb", "-haaaaaaaaaaaaa", "-Vaaaaaaaaaaaaa"] {
        let run = user.kez(&["nats", "sign", "--server-name", "kez.example", nonce]);
        assert!(proves(&run, &user, "kez.example", nonce), "{nonce}");
    }
}

#[test]
fn the_server_is_the_one_that_is_meant() {
    let user = User::with_key();
    assert_eq!(user.kez(&["nats", "sign", NONCE]).problem().0, "server_missing");
    let named = user.kez(&["nats", "sign", NONCE, "--server-name", "KEZ.example"]);
    assert!(proves(&named, &user, "kez.example", NONCE));

    let server = Server::start(honest);
    let own = server.name.to_string();
    assert!(proves(&user.kez(&["nats", "sign", NONCE, "--server", &server.url()]), &user, &own, NONCE));
    let other = user.kez(&["nats", "sign", NONCE, "--server", &server.url(), "--server-name", "kez.example"]);
    assert_eq!(other.problem().0, "server_name_differs");

    // As `kez register` remembers it; nothing listens there, and nothing needs to.
    let identity =
        json!({ "key": id(&user), "handle": "alice", "server": "http://127.0.0.1:1", "server_name": "kez.home" });
    std::fs::write(user.path(".config/kez/identity.json"), identity.to_string()).expect("the folder is there");
    assert!(proves(&user.kez(&["nats", "sign", NONCE]), &user, "kez.home", NONCE));
    assert!(proves(&user.kez(&["nats", "sign", NONCE, "--server", "http://127.0.0.1:1"]), &user, "kez.home", NONCE));
    assert!(proves(&user.kez(&["nats", "sign", NONCE, "--server-name", "kez.example"]), &user, "kez.example", NONCE));
    let elsewhere = user.kez_with(&["nats", "sign", NONCE], &[("KEZ_SERVER", "http://127.0.0.1:2")], b"");
    assert_eq!(elsewhere.problem().0, "server_unreachable");
    let unset = user.kez_with(&["nats", "sign", NONCE], &[("KEZ_SERVER", "")], b"");
    assert!(proves(&unset, &user, "kez.home", NONCE), "an empty variable is one that is not set");
}
