//! Another issuer key in a deployment that is there.

use std::fs;

use super::{in_a_shell, init, public, read, refused, seed, snapshot, text, written};

#[test]
fn a_rotated_issuer_takes_the_old_ones_place_and_nothing_else_changes() {
    let (_folder, out) = written(&["--server", "kez.example"]);
    let (old, old_public) = (seed(&out, "issuer"), public(&out, "issuer"));
    // What the operator has added stays.
    let added = "\n# Ours\nKEZ_CHAT_METRICS_BIND=127.0.0.1:9464\n";
    fs::write(out.join("kez.env"), read(out.join("kez.env")) + added).expect("it is written");
    let before = snapshot(&out);
    refused(&out, &["--server", "kez.other", "--rotate-issuer"], 1, "kez.other");
    assert_eq!(snapshot(&out), before);

    let ended = init(&out, &["--server", "kez.example", "--rotate-issuer"]);
    assert!(ended.status.success() && text(&ended.stdout).contains("Restart"), "{ended:?}");
    let (new, new_public) = (seed(&out, "issuer"), public(&out, "issuer"));
    assert_ne!(old, new);
    let kept = format!("keys/issuer.old-{}.nk", &old_public[..12]);
    assert_eq!(read(out.join(&kept)).trim(), old);
    let expected: Vec<_> = before
        .into_iter()
        .map(|(name, mode, bytes)| {
            let text = text(&bytes).replace(&old, &new).replace(&old_public, &new_public);
            (name, mode, text.into_bytes())
        })
        .chain([(kept.clone(), 0o600, format!("{old}\n").into_bytes())])
        .collect();
    let mut expected = expected;
    expected.sort();
    assert_eq!(snapshot(&out), expected);
    assert_eq!(in_a_shell(&out, "KEZ_CHAT_NATS_ISSUER_SEED"), new);

    // As after a run that was interrupted once the new key was in its place.
    let conf = read(out.join("nats.conf")).replace(&new_public, &old_public);
    fs::write(out.join("nats.conf"), conf).expect("it is written");
    assert!(init(&out, &["--rotate-issuer"]).status.success());
    let conf = read(out.join("nats.conf"));
    assert!(conf.contains(&public(&out, "issuer")) && !conf.contains(&old_public) && !conf.contains(&new_public));

    fs::write(out.join("kez.env"), "KEZ_CHAT_SERVER=kez.example\n").expect("it is written");
    let before = snapshot(&out);
    refused(&out, &["--rotate-issuer"], 1, "kez.env");
    assert_eq!(snapshot(&out), before);
}
