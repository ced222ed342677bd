//! The command line itself: what cannot be read is exit code 2, and nothing is done.

use super::User;

#[test]
fn bad_usage_is_exit_code_2() {
    let user = User::new();
    for args in [
        &[][..],
        &["keys"],
        &["key", "new", "x"],
        &["register", "alice"],
        &["register", "--server", "https://kez.example"],
        &["register", "alice", "--server", "kez.example"],
        &["register", "alice", "--server", "https://kez.example/path"],
        &["register", "alice", "--server", "https://kez.example", "--server-name", "a/b"],
        &["nats"],
        &["nats", "sign"],
        &["inbox", "send"],
        &["inbox", "watch", "alice"],
        &["inbox", "watch", "--count", "0"],
        &["inbox", "watch", "--timeout", "0"],
        &["inbox", "watch", "--timeout", "1.5"],
        &["inbox", "watch", "--nats-url", "http://kez.example"],
        &["inbox", "watch", "--nats-url", "nats://user:password@kez.example"],
    ] {
        let run = user.kez(args);
        assert_eq!((run.code, run.stdout.as_slice()), (2, &b""[..]), "{args:?}");
        assert!(!run.stderr.is_empty(), "{args:?}");
    }
    assert!(!user.path(".config").exists());
}

#[test]
fn what_cannot_be_a_handle_is_refused_here() {
    let user = User::with_key();
    let code = |args: &[&str]| user.kez(args).problem().0;
    assert_eq!(code(&["register", "Alice", "--server", "http://127.0.0.1:1"]), "invalid_handle");
    assert_eq!(code(&["lookup", "a@kez.example"]), "invalid_handle");
    assert_eq!(code(&["lookup", "alice"]), "invalid_resource");
    assert_eq!(code(&["lookup", "alice@kez/example"]), "invalid_resource");
    assert_eq!(code(&["lookup", "https://kez.example/alice"]), "invalid_resource");
    assert_eq!(code(&["lookup", " "]), "invalid_resource");
    assert_eq!(code(&["register", "al ice", "--server", "http://127.0.0.1:1"]), "invalid_handle");
    assert_eq!(code(&["release"]), "server_missing");
}

#[test]
fn help_and_version() {
    let user = User::new();
    let help = user.kez(&["--help"]);
    assert_eq!(help.code, 0);
    let help = String::from_utf8(help.stdout).expect("help is text");
    for word in ["Examples:", "register", "canonicalize", "inbox", "KEZ_KEY", "Exit code"] {
        assert!(help.contains(word), "{word}");
    }
    assert_eq!(user.kez(&["--version"]).stdout, format!("kez {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
}

#[test]
fn a_command_line_that_cannot_be_read_is_one_problem() {
    let user = User::new();
    for args in
        [&["register"][..], &["no-such-command"], &["register", "alice", "--server", "no url"], &["--no-such-flag"]]
    {
        let run = user.kez(args);
        assert_eq!((run.code, run.stdout.len(), run.stderr.lines().count()), (2, 0, 1), "{args:?}: {}", run.stderr);
        let problem: serde_json::Value = serde_json::from_str(&run.stderr).expect("one JSON document");
        assert_eq!(problem["code"], "usage", "{args:?}");
    }
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let user = User::with_key();
    let run = user.kez_with(&["key", "show"], &[("KEZ_KEY", ""), ("KEZ_SERVER", "")], b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = user.kez_with(&["release"], &[("KEZ_SERVER", "")], b"");
    assert!(run.stderr.contains("server_missing"), "{}", run.stderr);
}
