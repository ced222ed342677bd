//! What a run leaves alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use nkeys::KeyPair;

use super::{init, read, refused, seed, snapshot, text, written};

#[test]
fn a_second_run_changes_nothing() {
    let (_folder, out) = written(&["--server", "kez.example"]);
    let before = snapshot(&out);
    let again = init(&out, &["--server", "KEZ.example"]);
    assert!(again.status.success() && text(&again.stdout).contains("nothing was written"), "{again:?}");
    assert_eq!(snapshot(&out), before);
    for (flags, word) in [
        (&["--server", "kez.other"][..], "kez.other"),
        (&["--server", "kez.example", "--bind", "127.0.0.1:7000"], "127.0.0.1:7000"),
        (&["--server", "kez.example", "--nats-listen", "127.0.0.1:7001"], "127.0.0.1:7001"),
        (&["--server", "kez.example", "--origin", "https://chat.kez.example"], "chat.kez.example"),
        (&["--server", "kez.example", "--xkey"], "nats.conf"),
    ] {
        refused(&out, flags, 1, word);
        assert_eq!(snapshot(&out), before, "{flags:?}");
    }
    // What is missing comes back, with the keys that are there.
    fs::remove_file(out.join("nats.conf")).expect("it goes");
    fs::remove_file(out.join("kez.env")).expect("it goes");
    // The broker has run meanwhile.
    fs::create_dir(out.join("jetstream")).expect("a folder");
    let again = init(&out, &["--server", "kez.example"]);
    assert!(text(&again.stdout).contains("wrote nats.conf, kez.env."), "{again:?}");
    assert_eq!(snapshot(&out), before);
}

#[test]
fn a_refusal_shows_no_secret() {
    let (_folder, out) = written(&["--server", "kez.example"]);
    let old = seed(&out, "sys");
    let other = KeyPair::new_user().seed().expect("a seed");
    let env = read(out.join("kez.env")).replace(&old, &other);
    fs::write(out.join("kez.env"), env).expect("it is written");
    let err = text(&init(&out, &["--server", "kez.example"]).stderr);
    assert!(err.contains("another KEZ_CHAT_NATS_SYS_SEED"), "{err}");
    assert!(!err.contains(&old) && !err.contains(&other), "{err}");
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path();
    fs::write(out.join("notes.txt"), "mine").expect("a file");
    refused(out, &["--server", "kez.example"], 1, "notes.txt");
    assert_eq!(snapshot(out).len(), 1);
    fs::remove_file(out.join("notes.txt")).expect("it goes");

    let target = folder.path().with_extension("target");
    symlink(&target, out.join("nats.conf")).expect("a link");
    refused(out, &["--server", "kez.example"], 1, "nats.conf");
    assert!(!target.exists() && !out.join("keys/issuer.nk").exists());
    fs::remove_file(out.join("nats.conf")).expect("it goes");

    assert!(init(out, &["--server", "kez.example"]).status.success());
    // Once it is a deployment, an operator's own files may lie beside.
    fs::write(out.join("notes.txt"), "mine").expect("a file");
    assert!(init(out, &["--server", "kez.example"]).status.success());

    fs::set_permissions(out.join("keys/sys.nk"), fs::Permissions::from_mode(0o644)).expect("a mode");
    refused(out, &["--server", "kez.example"], 1, "chmod 600");
    fs::set_permissions(out.join("keys/sys.nk"), fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::write(out.join("keys/sys.nk"), seed(out, "issuer")).expect("a file");
    refused(out, &["--server", "kez.example"], 1, "SU");
}

#[test]
fn bad_values_are_one_clear_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("new");
    let server = ["--server", "kez.example"];
    refused(&out, &[], 2, "--server");
    for (flag, value) in [
        ("--server", "https://kez.example"),
        ("--bind", "localhost:6969"),
        ("--bind", "127.0.0.1:0"),
        ("--nats-listen", "4222"),
        ("--nats-ws-listen", "127.0.0.1:99999"),
        ("--nats-http-listen", ""),
        ("--origin", "kez.example"),
        ("--origin", "https://kez.example/path"),
        ("--origin", "https://kez.example,ftp://kez.example"),
        ("--nats-ws-url", "https://kez.example/nats"),
        ("--nats-ws-url", "wss://kez.example/nats?x=$y"),
        ("--db", "/var/a b.db"),
        ("--nats-store-dir", "/var/$HOME"),
    ] {
        let flags = if flag == "--server" { vec![flag, value] } else { [&server[..], &[flag, value]].concat() };
        refused(&out, &flags, 2, flag);
    }
    refused(&out, &["--server", "kez.example", "--bind", "127.0.0.1:4222"], 2, "--nats-listen");
    refused(&out, &["--rotate-issuer", "--bind", "127.0.0.1:4222"], 2, "--bind");
    refused(&folder.path().join("a folder"), &server, 2, "--out");
    assert!(!out.exists());
    refused(&out, &["--rotate-issuer"], 1, "new");
}
