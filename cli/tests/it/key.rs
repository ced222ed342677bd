//! `kez key`.

use super::User;

#[test]
fn new_then_show() {
    let user = User::new();
    assert_eq!(user.kez(&["key", "show"]).problem().0, "key_file_missing");
    let made = user.kez(&["key", "new"]).json();
    assert_eq!(made["encrypted"], false);
    assert_eq!(made["file"], user.path(".config/kez/key.json").display().to_string());
    assert_eq!(user.kez(&["key", "show"]).json(), made);
    assert_eq!(user.kez(&["key", "new"]).problem().0, "key_file_exists");
    assert_eq!(user.kez(&["key", "show"]).json(), made);
    assert_ne!(User::with_key().kez(&["key", "show"]).json()["key"], made["key"]);
}

#[test]
fn the_file_is_where_one_says() {
    let user = User::new();
    let file = |run: super::Run| run.json()["file"].as_str().expect("a path is text").to_owned();
    assert_eq!(file(user.kez(&["key", "new", "--key", "a.json"])), "a.json");
    assert_eq!(file(user.kez_with(&["key", "new"], &[("KEZ_KEY", "b.json")], b"")), "b.json");
    let config = user.path("xdg").display().to_string();
    let xdg = [("XDG_CONFIG_HOME", config.as_str())];
    assert_eq!(file(user.kez_with(&["key", "new"], &xdg, b"")), format!("{config}/kez/key.json"));
    assert!(["a.json", "b.json", "xdg/kez/key.json"].iter().all(|name| user.path(name).exists()));
}

#[test]
fn a_passphrase_is_needed_for_signing_only() {
    let user = User::new();
    std::fs::write(user.path("phrase"), "correct horse\nbattery\n").expect("the directory is writable");
    let made = user.kez(&["key", "new", "--passphrase-file", "phrase"]).json();
    assert_eq!(made["encrypted"], true);
    assert_eq!(user.kez(&["key", "show"]).json(), made);

    // Nothing listens on port 1: the key was opened when it comes to that.
    let register = ["register", "alice", "--server", "http://127.0.0.1:1"];
    let code = |phrase: &str| user.kez_with(&register, &[("KEZ_PASSPHRASE", phrase)], b"").problem().0;
    assert_eq!(code(""), "passphrase_missing");
    assert_eq!(code("correct horse\nbattery"), "passphrase_wrong");
    assert_eq!(code("correct horse"), "server_unreachable");
}
