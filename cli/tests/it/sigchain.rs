//! `kez sigchain` against the real server, and against one that lies.

use std::future::pending;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use clap::Parser as _;
use kez_chat_server::clock::SystemClock;
use kez_chat_server::config::Config;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::{Run, User};

const NAME: &str = "kez.test";
const ALICE: &str = "alice@kez.test";

/// A running server that tells its own address, until this is dropped.
struct Server {
    url: String,
    _runtime: Runtime,
    _folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a directory");
        let db = folder.path().join("kez.db");
        let runtime = Runtime::new().expect("threads can be started");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let flags = ["kez-chat-server", "--server", NAME, "--public-url", &url, "--db", db.to_str().expect("UTF-8")];
        let config = Config::try_parse_from(flags).expect("these are the server's flags");
        runtime.spawn(async move {
            kez_chat_server::run(&config, Arc::new(SystemClock), listener, pending()).await.expect("the server runs");
        });
        Server { url, _runtime: runtime, _folder: folder }
    }

    /// A user with a handle and a chain, whose words are in `words`.
    fn user(&self, handle: &str) -> User {
        let user = User::with_key();
        user.kez(&["register", handle, "--server", &self.url]).json();
        user.kez(&["sigchain", "create", "--recovery-out", "words"]).json();
        user
    }

    fn ask(&self, user: &User, args: &[&str]) -> Run {
        user.kez(&[args, &["--server", &self.url]].concat())
    }
}

fn id(user: &User) -> String {
    user.kez(&["key", "show"]).json()["key"].as_str().expect("a key").to_owned()
}

#[test]
fn devices_come_and_go() {
    let server = Server::start();
    let (alice, phone, tablet) = (server.user("alice"), User::with_key(), User::with_key());
    let mode = alice.path("words").metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let words = std::fs::read_to_string(alice.path("words")).expect("words");
    assert_eq!((words.lines().count(), words.split_whitespace().count()), (4, 24));

    let offer = server.ask(&phone, &["sigchain", "offer", ALICE]);
    let late = server.ask(&tablet, &["sigchain", "offer", ALICE]);
    let added = alice.kez_with(&["sigchain", "add-device"], &[], &offer.stdout).json();
    assert_eq!(
        (&added["event"], &added["seq"], &added["primary"]),
        (&json!("add_device_key"), &json!(2), &json!(id(&alice)))
    );
    let stale = alice.kez_with(&["sigchain", "add-device"], &[], &late.stdout);
    assert_eq!(stale.problem().0, "offer_stale");
    assert_eq!(alice.kez_with(&["sigchain", "add-device"], &[], b"{}").problem().0, "offer_broken");

    let shown = phone.kez(&["sigchain", "show"]).json();
    assert_eq!((&shown["handle"], &shown["verified"]), (&json!("alice"), &json!(true)));
    assert!(shown["state"]["devices"][id(&phone)].is_object(), "{shown}");
    // A device adds nobody, but goes by itself.
    let offer = server.ask(&tablet, &["sigchain", "offer", ALICE]);
    let refused = phone.kez_with(&["sigchain", "add-device"], &[], &offer.stdout).problem();
    assert_eq!(refused.0, "key_not_authorised");
    assert!(refused.1.contains("Nothing was sent"), "{}", refused.1);
    let gone = phone.kez(&["sigchain", "revoke", &id(&phone), "--reason", "retired"]).json();
    assert_eq!(gone["event"], "revoke_key");
    assert_eq!(phone.kez(&["sigchain", "show"]).problem().0, "not_found", "it stands for nobody");
    assert_eq!(alice.kez(&["sigchain", "revoke", &id(&phone), "--reason", "lost"]).problem().0, "invalid_event");
}

#[test]
fn a_rotation_is_followed_and_undone_by_the_words() {
    let server = Server::start();
    let alice = server.user("alice");
    let words = std::fs::read_to_string(alice.path("words")).expect("words");
    let shown = alice.kez(&["sigchain", "show"]).json();
    let recovery = shown["state"]["rotation_keys"][0].as_str().expect("a key").to_owned();
    alice.kez(&["--key", "thief.json", "key", "new"]).json();
    // The thief throws the recovery key out, which helps nothing.
    let rotated = alice.kez(&["sigchain", "rotate", "--new-key", "thief.json", "--drop", &recovery]).json();
    let thief = alice.kez(&["--key", "thief.json", "key", "show"]).json()["key"].clone();
    assert_eq!((&rotated["primary"], &rotated["seq"]), (&thief, &json!(2)));
    let found = server.ask(&User::new(), &["lookup", ALICE]).json();
    assert_eq!((&found["primary"], &found["verified"]), (&thief, &json!(true)), "proven through the chain");
    assert_eq!(alice.kez(&["--key", "thief.json", "sigchain", "show"]).json()["handle"], "alice");

    let clean = User::with_key();
    // As a list with numbers, which a shell wrote as UTF-16.
    let list: String = words.split_whitespace().enumerate().map(|(n, word)| format!("{}. {word}\r\n", n + 1)).collect();
    let utf_16: Vec<u8> = format!("\u{feff}{list}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(clean.path("words"), utf_16).expect("a file");
    let recover = ["sigchain", "recover", ALICE, "--words", "words", "--new-key", ".config/kez/key.json"];
    let refused = server.ask(&clean, &recover).problem();
    assert_eq!(refused.0, "key_not_authorised", "behind the head it is a rotation key no longer: {}", refused.1);
    let late = server.ask(&clean, &[&recover[..], &["--after", "7"]].concat());
    assert_eq!(late.problem().0, "usage");
    let run = server.ask(&clean, &[&recover[..], &["--after", "1"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("displaces 1 events"), "{}", run.stderr);
    let found = server.ask(&User::new(), &["lookup", ALICE]).json();
    assert_eq!(found["primary"], id(&clean));
    let shown = server.ask(&User::new(), &["sigchain", "show", ALICE]).json();
    assert_eq!(shown["nullified"], json!([rotated["hash"]]));
    let log = server.ask(&User::new(), &["sigchain", "audit", ALICE]);
    let verdict = User::new().kez_with(&["verify"], &[], &log.stdout).json();
    assert_eq!((&verdict["valid"], &verdict["id"]), (&json!(true), &shown["head"]["hash"]));
    assert_eq!(server.ask(&User::new(), &["sigchain", "verify", ALICE]).json(), verdict);
    assert_eq!(clean.kez(&["release"]).json()["handle"], "alice", "the new primary is remembered beside its key");
}

/// A thief gives the name away; whoever has the words takes it again, and nobody else can.
#[test]
fn a_name_that_a_thief_released_is_got_back_by_the_words() {
    let server = Server::start();
    let alice = server.user("alice");
    let words = std::fs::read(alice.path("words")).expect("words");
    let chain = id(&alice);
    alice.kez(&["--key", "thief.json", "key", "new"]).json();
    alice.kez(&["sigchain", "rotate", "--new-key", "thief.json"]).json();
    alice.kez(&["--key", "thief.json", "release"]).json();

    let clean = User::with_key();
    std::fs::write(clean.path("words"), &words).expect("a file");
    let early = server.ask(&clean, &["register", "alice"]);
    assert_eq!(early.problem().0, "handle_taken", "not before the recovery");
    let recover =
        ["sigchain", "recover", ALICE, "--words", "words", "--new-key", ".config/kez/key.json", "--after", "1"];
    let run = server.ask(&clean, &recover);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("register alice"), "it says how to go on: {}", run.stderr);
    assert_eq!(server.ask(&alice, &["register", "alice"]).problem().0, "handle_taken");
    assert_eq!(server.ask(&alice, &["--key", "thief.json", "register", "alice"]).problem().0, "handle_taken");
    let record = server.ask(&clean, &["register", "alice"]).json();
    assert_eq!((&record["chain"], &record["primary"]), (&json!(chain), &json!(id(&clean))));
    let found = server.ask(&User::new(), &["lookup", ALICE]).json();
    assert_eq!((&found["primary"], &found["verified"]), (&json!(id(&clean)), &json!(true)));
    // Without a chain there is nobody to recover.
    let bob = User::with_key();
    bob.kez(&["register", "bob", "--server", &server.url]).json();
    bob.kez(&["release"]).json();
    let recover = ["sigchain", "recover", "bob@kez.test", "--words", "words", "--new-key", ".config/kez/key.json"];
    assert_eq!(server.ask(&clean, &recover).problem().0, "gone");
}

#[test]
fn what_a_recovery_brings_back_is_revoked_again() {
    let server = Server::start();
    let (alice, phone, tablet) = (server.user("alice"), User::with_key(), User::with_key());
    for device in [&phone, &tablet] {
        let offer = server.ask(device, &["sigchain", "offer", ALICE]);
        alice.kez_with(&["sigchain", "add-device"], &[], &offer.stdout).json();
    }
    alice.kez(&["sigchain", "revoke", &id(&phone), "--reason", "lost"]).json();
    alice.kez(&["--key", "new.json", "key", "new"]).json();
    let recover = ["sigchain", "recover", ALICE, "--words", "words", "--new-key", "new.json", "--after", "3"];
    let run = server.ask(&alice, &recover);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains(&format!("{} is revoked again", id(&phone))), "{}", run.stderr);
    let state = server.ask(&User::new(), &["sigchain", "show", ALICE]).json()["state"].clone();
    assert_eq!(state["revoked"][id(&phone)], json!({ "seq": 5, "reason": "lost" }), "{state}");
    assert!(state["devices"].get(id(&phone)).is_none() && state["devices"][id(&tablet)].is_object(), "{state}");
}

#[test]
fn an_identity_is_ended_and_got_back_by_the_words() {
    let server = Server::start();
    let (alice, bob, phone) = (server.user("alice"), User::with_key(), User::with_key());
    bob.kez(&["register", "bob", "--server", &server.url]).json();
    assert_eq!(bob.kez(&["sigchain", "deactivate"]).problem().0, "no_chain");
    let offer = server.ask(&phone, &["sigchain", "offer", ALICE]);
    alice.kez_with(&["sigchain", "add-device"], &[], &offer.stdout).json();
    assert_eq!(phone.kez(&["sigchain", "deactivate"]).problem().0, "key_not_authorised", "a device ends nothing");

    let ended = alice.kez(&["sigchain", "deactivate", "--reason", "enough"]).json();
    assert_eq!((&ended["event"], &ended["seq"]), (&json!("deactivate"), &json!(3)));
    let found = server.ask(&User::new(), &["lookup", ALICE]).json();
    assert_eq!((&found["handle"], &found["active"]), (&json!("alice"), &json!(false)), "{found}");
    assert_eq!(alice.kez(&["sigchain", "show"]).json()["state"]["active"], false);
    let (code, detail) = alice.kez(&["sigchain", "deactivate"]).problem();
    assert_eq!(code, "invalid_event");
    assert!(detail.ends_with("the chain is deactivated. Nothing was sent (deactivated)."), "{detail}");

    alice.kez(&["--key", "new.json", "key", "new"]).json();
    let recover = ["sigchain", "recover", ALICE, "--words", "words", "--new-key", "new.json", "--after", "2"];
    assert_eq!(server.ask(&alice, &recover).code, 0);
    let found = server.ask(&User::new(), &["lookup", ALICE]).json();
    assert_ne!(found["active"], false, "{found}");
}

#[test]
fn words_and_files_are_looked_at() {
    let server = Server::start();
    let alice = server.user("alice");
    assert_eq!(alice.kez(&["sigchain", "create", "--recovery-out", "others"]).problem().0, "chain_exists");
    assert!(!alice.path("others").exists());
    let words = std::fs::read_to_string(alice.path("words")).expect("words");
    alice.kez(&["--key", "new.json", "key", "new"]).json();
    for (text, about) in [
        (words.replacen(' ', " kezkez ", 1), "25"),
        (words.split_whitespace().skip(1).collect::<Vec<_>>().join(" ") + " kezkez", "word 24"),
        (String::new(), "24 words"),
    ] {
        let args = ["sigchain", "recover", ALICE, "--words", "-", "--new-key", "new.json", "--server", &server.url];
        let (code, detail) = alice.kez_with(&args, &[], text.as_bytes()).problem();
        assert_eq!(code, "words_wrong");
        assert!(detail.contains(about), "{detail}");
        assert!(!words.split_whitespace().any(|word| word.len() > 5 && detail.contains(word)), "no word is shown");
    }
    let bob = User::with_key();
    bob.kez(&["register", "bob", "--server", &server.url]).json();
    assert_eq!(bob.kez(&["sigchain", "audit"]).problem().0, "no_chain");
    std::fs::write(bob.path("words"), "mine").expect("a file");
    assert_eq!(bob.kez(&["sigchain", "create", "--recovery-out", "words"]).problem().0, "key_file_exists");
    assert_eq!(std::fs::read(bob.path("words")).expect("a file"), b"mine");
    let created = bob.kez(&["sigchain", "create", "--recovery-key", &id(&alice)]).json();
    assert_eq!((&created["recovery_key"], &created["recovery_file"]), (&json!(id(&alice)), &Value::Null));
}

/// The story in the documents, as it stands there.
#[test]
fn the_story_of_a_stolen_laptop() {
    let server = Server::start();
    let kez = Path::new(env!("CARGO_BIN_EXE_kez")).parent().expect("it is in a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recovery.sh");
    let path = format!("{}:/usr/bin:/bin", kez.display());
    let run = Command::new(script).args([ALICE, &server.url]).env_clear().env("PATH", path).output().expect("it runs");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{err}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let shown = lines.iter().rev().find(|line| line["nullified"].is_array()).expect("the verdict");
    assert_eq!((&shown["valid"], shown["nullified"].as_array().map(Vec::len)), (&json!(true), Some(1)), "{out}");
}

#[test]
fn claims_are_written_down_and_taken_back() {
    let server = Server::start();
    let alice = server.user("alice");
    let chain = id(&alice);
    for (kind, subject, publish, text) in [
        ("dns", "example.org", "a TXT record at _kez.example.org", format!("kez={chain}")),
        (
            "https",
            "example.org:8443",
            "the document https://example.org:8443/.well-known/kez.json",
            format!(r#"{{"kez":"claims","chains":["{chain}"]}}"#),
        ),
        ("github", "Alice", "a public gist of Alice, on a line of its own", format!("kez={chain}")),
    ] {
        let shown = alice.kez(&["sigchain", "claim", "text", kind, subject]).json();
        assert_eq!((&shown["publish"], &shown["text"]), (&json!(publish), &json!(text)));
        assert_eq!(
            (&shown["type"], &shown["subject"], &shown["chain"]),
            (&json!(kind), &json!(subject), &json!(chain))
        );
    }
    let gist = "https://gist.github.com/alice/00ff";
    let add = |args: &[&str]| alice.kez(&[&["sigchain", "claim", "add"], args].concat());
    let dns = add(&["dns", "example.org"]).json();
    assert_eq!((&dns["event"], &dns["seq"]), (&json!("claim_add"), &json!(2)));
    let github = add(&["github", "alice", "--proof", gist]).json();
    let claims = |user: &User| user.kez(&["sigchain", "show"]).json()["state"]["claims"].clone();
    assert_eq!(
        claims(&alice),
        json!({
            dns["hash"].as_str().expect("an id"):
                { "type": "dns", "subject": "example.org", "proof": "dns:_kez.example.org?type=TXT" },
            github["hash"].as_str().expect("an id"): { "type": "github", "subject": "alice", "proof": gist },
        })
    );
    let dns = dns["hash"].as_str().expect("an id");
    assert_eq!(alice.kez(&["sigchain", "claim", "remove", dns]).json()["event"], "claim_remove");
    assert_eq!(alice.kez(&["sigchain", "claim", "remove", dns]).problem().0, "invalid_event", "it is gone already");
    assert_eq!(claims(&alice).as_object().map(serde_json::Map::len), Some(1));
}

#[test]
fn claims_that_nobody_can_check_are_not_written_down() {
    let server = Server::start();
    let alice = server.user("alice");
    for (args, code) in [
        (&["dns", "Example.org"][..], "claim_wrong"),
        (&["dns", "localhost"], "claim_wrong"),
        (&["https", "192.0.2.1"], "claim_wrong"),
        (&["https", "https://example.org"], "claim_wrong"),
        (&["github", "-", "--proof", "https://gist.github.com/-/00ff"], "claim_wrong"),
        (&["github", "alice", "--proof", "https://gist.github.com/bob/00ff"], "claim_wrong"),
        (&["dns", "example.org", "--proof", "x"], "usage"),
    ] {
        let refused = alice.kez(&[&["sigchain", "claim", "add"], args].concat()).problem();
        assert_eq!(refused.0, code, "{args:?}: {}", refused.1);
    }
    assert_eq!(alice.kez(&["sigchain", "claim", "text", "dns", "a b"]).problem().0, "claim_wrong");
    for args in [&["add", "github", "alice"][..], &["add", "tea", "pot"], &["text", "tea", "pot"], &["remove", "x"]] {
        let run = alice.kez(&[&["sigchain", "claim"], args].concat());
        assert_eq!((run.code, run.stderr.contains("\"usage\"")), (2, true), "{args:?}: {}", run.stderr);
    }
    assert_eq!(alice.kez(&["sigchain", "show"]).json()["head"]["seq"], 1, "nothing was sent");
}
