//! What is written.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use nkeys::XKey;

use super::{FILES, in_a_shell, public, read, seed, snapshot, text, written};

#[test]
fn secrets_are_their_owners_alone_and_nothing_is_left_to_fill_in() {
    let (_folder, out) = written(&["--server", "kez.example"]);
    let found = snapshot(&out);
    assert_eq!(found.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), FILES);
    for (name, mode, bytes) in &found {
        let is_secret = name.starts_with("keys/") || name == "kez.env";
        assert_eq!(*mode, if is_secret { 0o600 } else { 0o644 }, "{name}");
        let text = text(bytes);
        assert!(!text.contains("{{") && !text.contains("}}"), "{name}: {text}");
        if !is_secret {
            for key in ["issuer", "auth", "store", "sys"] {
                assert!(!text.contains(&seed(&out, key)), "{name} holds a seed");
            }
        }
    }
    let keys = fs::metadata(out.join("keys")).expect("a folder").permissions().mode() & 0o7777;
    assert_eq!(keys, 0o700);
}

#[test]
fn seeds_are_valid_different_and_the_ones_that_the_configuration_names() {
    let (_folder, out) = written(&["--server", "kez.example", "--xkey"]);
    let conf = read(out.join("nats.conf"));
    let mut seeds = Vec::new();
    for (key, prefix, public_prefix) in
        [("issuer", "SA", 'A'), ("auth", "SU", 'U'), ("store", "SU", 'U'), ("sys", "SU", 'U')]
    {
        let (seed, public) = (seed(&out, key), public(&out, key));
        assert!(seed.starts_with(prefix) && public.starts_with(public_prefix), "{key}");
        assert!(conf.contains(&public), "{key}");
        assert_eq!(in_a_shell(&out, &format!("KEZ_CHAT_NATS_{}_SEED", key.to_uppercase())), seed);
        seeds.push(seed);
    }
    let xkey = seed(&out, "xkey");
    assert!(xkey.starts_with("SX"));
    assert!(conf.contains(&format!("xkey: {}", XKey::from_seed(&xkey).expect("a seed").public_key())));
    assert_eq!(in_a_shell(&out, "KEZ_CHAT_NATS_XKEY_SEED"), xkey);
    seeds.push(xkey);
    seeds.sort();
    seeds.dedup();
    assert_eq!(seeds.len(), 5);
    assert!(conf.contains(&format!("issuer: {}\n", public(&out, "issuer"))));
    let users = ["auth", "store", "sys"].map(|key| public(&out, key)).join(", ");
    assert!(conf.contains(&format!("auth_users: [ {users} ]")));
}

#[test]
fn the_settings_follow_from_the_flags() {
    let (_folder, out) = written(&["--server", "kez.example"]);
    for (name, value) in [
        ("KEZ_CHAT_SERVER", "kez.example"),
        ("KEZ_CHAT_PUBLIC_URL", "https://kez.example"),
        ("KEZ_CHAT_BIND", "127.0.0.1:6969"),
        ("KEZ_CHAT_TRUSTED_PROXIES", "127.0.0.1,::1"),
        ("KEZ_CHAT_NATS_URL", "nats://127.0.0.1:4222"),
        ("KEZ_CHAT_NATS_WS_URL", "wss://kez.example/nats"),
        ("KEZ_CHAT_DB", out.join("kez-chat.db").to_str().expect("UTF-8")),
    ] {
        assert_eq!(in_a_shell(&out, name), value, "{name}");
    }
    let conf = read(out.join("nats.conf"));
    for line in [
        "listen: \"127.0.0.1:4222\"",
        "listen: \"127.0.0.1:8443\"",
        "http: \"127.0.0.1:8222\"",
        "allowed_origins: [\"https://kez.example\"]",
        &format!("store_dir: \"{}\"", out.join("jetstream").display()),
    ] {
        assert!(conf.contains(line), "{line}");
    }
    let (_folder, out) = written(&[
        "--server",
        "localhost:7000",
        "--bind",
        "127.0.0.1:7000",
        "--nats-listen",
        "[::1]:7001",
        "--nats-ws-listen",
        "0.0.0.0:7002",
        "--origin",
        "http://localhost:7000,http://127.0.0.1:7000",
        "--db",
        "/var/lib/kez-chat/kez-chat.db",
        "--nats-store-dir",
        "/var/lib/kez-nats",
    ]);
    for (name, value) in [
        ("KEZ_CHAT_PUBLIC_URL", "http://localhost:7000"),
        ("KEZ_CHAT_TRUSTED_PROXIES", ""),
        ("KEZ_CHAT_NATS_URL", "nats://[::1]:7001"),
        ("KEZ_CHAT_NATS_WS_URL", "ws://127.0.0.1:7002"),
        ("KEZ_CHAT_DB", "/var/lib/kez-chat/kez-chat.db"),
    ] {
        assert_eq!(in_a_shell(&out, name), value, "{name}");
    }
    let conf = read(out.join("nats.conf"));
    assert!(conf.contains("allowed_origins: [\"http://localhost:7000\", \"http://127.0.0.1:7000\"]"), "{conf}");
    assert!(conf.contains("store_dir: \"/var/lib/kez-nats\""), "{conf}");
    let (_folder, out) = written(&["--server", "localhost", "--bind", "127.0.0.1:7000"]);
    assert_eq!(in_a_shell(&out, "KEZ_CHAT_PUBLIC_URL"), "http://localhost:7000");
    let (_folder, out) = written(&["--server", "192.0.2.1:6969", "--origin", "http://192.0.2.1:6969"]);
    assert_eq!(in_a_shell(&out, "KEZ_CHAT_NATS_WS_URL"), "");
}
