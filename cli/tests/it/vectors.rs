//! `kez verify` and `kez canonicalize` over the protocol's vectors.

use serde_json::Value;

use super::{User, vectors};

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("{member} is a string"))
}

#[test]
fn valid_envelopes() {
    let user = User::new();
    for folder in ["envelope/valid", "registration/valid", "release/valid"] {
        for (name, vector) in vectors(folder) {
            let verdict = user.kez_with(&["verify"], &[], text(&vector, "body").as_bytes()).json();
            assert_eq!(verdict["valid"], true, "{name}");
            assert_eq!(verdict["id"], vector["expect"]["envelope_id"], "{name}");
            for member in ["type", "key"] {
                assert!(verdict[member].is_string(), "{name}");
                assert!(vector["expect"].get(member).is_none_or(|expected| *expected == verdict[member]), "{name}");
            }
        }
    }
}

#[test]
fn invalid_envelopes() {
    let user = User::new();
    for (name, vector) in vectors("envelope/invalid") {
        let run = user.kez_with(&["verify", "-"], &[], text(&vector, "body").as_bytes());
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{name}");
        let verdict: Value = serde_json::from_slice(&run.stdout).expect("stdout is one JSON document");
        assert_eq!(verdict["valid"], false, "{name}");
        assert_eq!(verdict["code"], vector["expect"]["code"], "{name}");
        assert!(!text(&verdict, "detail").is_empty(), "{name}");
    }
}

#[test]
fn sigchains() {
    let user = User::new();
    for (name, vector) in vectors("sigchain/valid") {
        let verdict = user.kez_with(&["verify"], &[], vector.to_string().as_bytes()).json();
        assert_eq!((&verdict["valid"], &verdict["type"]), (&true.into(), &"sigchain".into()), "{name}");
        assert_eq!((&verdict["key"], &verdict["id"]), (&vector["chain"], &vector["expect"]["head"]), "{name}");
        assert_eq!(verdict["nullified"], vector["expect"]["nullified"], "{name}");
        assert_eq!(verdict["state"], vector["expect"]["state"], "{name}");
    }
    for (name, vector) in vectors("sigchain/invalid") {
        let run = user.kez_with(&["verify", "-"], &[], vector.to_string().as_bytes());
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{name}");
        let verdict: Value = serde_json::from_slice(&run.stdout).expect("stdout is one JSON document");
        assert_eq!((&verdict["valid"], &verdict["code"]), (&false.into(), &vector["expect"]["error"]), "{name}");
        let last = vector["entries"].as_array().map_or(0, |entries| entries.len().saturating_sub(1));
        assert_eq!(verdict["index"], last, "{name}");
        assert!(!text(&verdict, "detail").is_empty(), "{name}");
    }
}

#[test]
fn one_event_alone() {
    let user = User::new();
    let (_, vector) = vectors("sigchain/valid").remove(0);
    let event = &vector["entries"][0]["event"];
    let verdict = user.kez_with(&["verify"], &[], event.to_string().as_bytes()).json();
    assert_eq!((&verdict["valid"], &verdict["type"]), (&true.into(), &event["payload"]["type"]));
    assert_eq!(verdict["key"], event["signature"]["key"]);
    let tampered = event.to_string().replace("kez.lat", "evil.example");
    let run = user.kez_with(&["verify"], &[], tampered.as_bytes());
    let verdict: Value = serde_json::from_slice(&run.stdout).expect("stdout is one JSON document");
    assert_eq!((run.code, text(&verdict, "code")), (1, "bad_signature"));
}

#[test]
fn canonical_forms() {
    let user = User::new();
    for folder in ["canonical/valid", "canonical/invalid"] {
        for (name, vector) in vectors(folder) {
            let input = match vector.get("input_hex") {
                Some(hex) => const_hex::decode(hex.as_str().expect("hex is a string")).expect("it is hex"),
                None => text(&vector, "input").into(),
            };
            let run = user.kez_with(&["canonicalize"], &[], &input);
            match vector["expect"].get("canonical") {
                Some(canonical) => {
                    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{name}");
                    assert_eq!(run.stdout, canonical.as_str().expect("it is a string").as_bytes(), "{name}");
                }
                None => assert_eq!(run.problem().0, text(&vector["expect"], "code"), "{name}"),
            }
        }
    }
}

#[test]
fn files_and_limits() {
    let user = User::new();
    let (_, vector) = vectors("envelope/valid").remove(0);
    std::fs::write(user.path("envelope.json"), text(&vector, "body")).expect("the directory is writable");
    assert_eq!(user.kez(&["verify", "envelope.json"]).json()["valid"], true);
    assert_eq!(user.kez(&["verify", "none.json"]).problem().0, "io");

    let (_, vector) = vectors("sigchain/valid").remove(0);
    let large = vector.to_string() + &" ".repeat(128 * 1024);
    assert_eq!(user.kez_with(&["verify"], &[], large.as_bytes()).json()["type"], "sigchain");
    let run = user.kez_with(&["verify"], &[], &[b' '; 128 * 1024 + 1]);
    let verdict: Value = serde_json::from_slice(&run.stdout).expect("stdout is one JSON document");
    assert_eq!((run.code, text(&verdict, "code")), (1, "payload_too_large"));
    let run = user.kez_with(&["canonicalize"], &[], &vec![b' '; 16 * 1024 * 1024 + 1]);
    assert_eq!(run.problem().0, "payload_too_large");
}
