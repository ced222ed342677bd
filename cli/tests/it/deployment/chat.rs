//! Two users talk.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use super::devices::{device, id, with_chain};
use super::{Deployment, lines};
use crate::{Run, User};

/// A server whose users are all on this machine, and many: each uploads key packages at first.
fn chatty() -> Deployment {
    Deployment::start(&["--writes-per-minute", "10000"])
}

impl Deployment {
    fn chat(&self, user: &User, args: &[&str]) -> Run {
        user.kez(&[&["chat"], args, &["--nats-url", &self.nats_url]].concat())
    }

    /// `a` asks and `b` accepts.
    fn acquaint(&self, a: (&User, &str), b: (&User, &str)) {
        let asked = self.chat(a.0, &["ask", b.1]).json();
        assert_eq!(asked["asked"]["handle"], b.1);
        assert_eq!(self.chat(b.0, &["accept", a.1]).json()["accepted"]["handle"], a.1);
    }
}

/// A `kez chat watch`, until it is dropped.
struct Watch {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Watch {
    fn begin(deployment: &Deployment, user: &User) -> Watch {
        let mut command = user.command(&["chat", "watch", "--nats-url", &deployment.nats_url]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Watch { child, lines }
    }

    /// The next text.
    fn text(&mut self) -> Value {
        loop {
            let line = self.lines.next().expect("it goes on").expect("it can be read");
            let line: Value = serde_json::from_str(&line).expect("each line is JSON");
            if line["type"] == "text" {
                return line;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_users_talk() {
    let deployment = chatty();
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    assert_eq!(deployment.chat(&alice, &["send", "bob", "too early"]).problem().0, "not_a_contact");
    deployment.acquaint((&alice, "alice"), (&bob, "bob"));

    let sent = deployment.chat(&bob, &["send", "alice", "Hello, Alice!"]).json();
    let keys = [&alice, &bob].map(|user| user.kez(&["key", "show"]).json()["key"].clone());
    assert_eq!((&sent["delivered_to"], &sent["waiting"]), (&json!([keys[0]]), &json!([])));
    let text = deployment.chat(&alice, &["watch", "--count", "1", "--timeout", "60"]).json();
    assert_eq!((&text["type"], &text["text"], &text["id"]), (&json!("text"), &json!("Hello, Alice!"), &sent["id"]));
    let bobs = json!({ "chain": keys[1], "handle": "bob" });
    assert_eq!((&text["by"], &text["with"], &text["device"]), (&bobs, &bobs, &keys[1]));

    assert_eq!(deployment.chat(&alice, &["send", "bob", "-"]).problem().0, "text_unfit");
    let from_stdin = alice.kez_with(&["chat", "send", "bob", "-"], &[], b"<b>Hi</b>\n").json();
    let history = lines(&deployment.chat(&bob, &["history", "alice"]));
    let texts: Vec<_> = history.iter().map(|text| text["text"].as_str().expect("it is there")).collect();
    assert_eq!(texts, ["Hello, Alice!", "<b>Hi</b>"]);
    assert_eq!(history[1]["id"], from_stdin["id"]);
    let newest = lines(&deployment.chat(&bob, &["history", "alice", "--limit", "1"]));
    assert_eq!(newest, history[1..]);
    assert_eq!(lines(&deployment.chat(&bob, &["export", "alice"])).len(), 2);

    let listed = deployment.chat(&bob, &["list"]).json();
    assert_eq!((&listed["with"]["handle"], &listed["stands"]), (&json!("alice"), &json!("contact")));
    assert_eq!(listed["last"], history[1]);
    let status = deployment.chat(&bob, &["status"]).json();
    assert_eq!(status["stuck"], json!([]), "{status}");
    assert_eq!(status["conversations"][0]["leaves"], 2);
    assert_eq!(status["conversations"][0]["with"]["handle"], "alice");
}

#[test]
fn whoever_asked_and_whoever_is_asked_see_it_in_their_lists() {
    let deployment = chatty();
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    deployment.chat(&alice, &["ask", "bob"]).json();
    let stands = |user: &User| deployment.chat(user, &["list"]).json()["stands"].clone();
    assert_eq!((stands(&alice), stands(&bob)), (json!("asked"), json!("asks")));
    let (code, detail) = deployment.chat(&bob, &["send", "alice", "Hi"]).problem();
    assert_eq!(code, "not_a_contact");
    assert!(detail.contains("kez chat accept alice"), "{detail}");
    // To ask whoever asked is to accept.
    deployment.chat(&bob, &["ask", "alice"]).json();
    assert_eq!((stands(&alice), stands(&bob)), (json!("contact"), json!("contact")));
    deployment.chat(&alice, &["send", "bob", "Hi"]).json();
}

#[test]
fn commands_work_while_another_one_watches() {
    let deployment = chatty();
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    deployment.acquaint((&alice, "alice"), (&bob, "bob"));
    let mut watch = Watch::begin(&deployment, &alice);
    for n in 0..3 {
        deployment.chat(&bob, &["send", "alice", &format!("ping {n}")]).json();
        assert_eq!(watch.text()["text"], format!("ping {n}"));
        let answer = deployment.chat(&alice, &["send", "bob", &format!("pong {n}")]).json();
        assert_eq!(answer["waiting"], json!([]));
    }
    assert_eq!(deployment.chat(&alice, &["watch", "--count", "1"]).problem().0, "chat_in_use");
    assert_eq!(lines(&deployment.chat(&alice, &["history", "bob"])).len(), 6);
    drop(watch);
    // Each is printed once, whoever printed it.
    deployment.chat(&bob, &["send", "alice", "last"]).json();
    assert_eq!(Watch::begin(&deployment, &alice).text()["text"], "last");
}

/// The texts that a device has, as its own history shows them.
fn texts(deployment: &Deployment, user: &User, with: &str) -> Vec<String> {
    let history = lines(&deployment.chat(user, &["history", with]));
    history.iter().map(|text| text["text"].as_str().expect("it is there").to_owned()).collect()
}

#[test]
fn all_devices_of_both_read_along_until_they_are_revoked() {
    let deployment = chatty();
    let (alice, bob) = (with_chain(&deployment, "alice"), deployment.user("bob"));
    let phone = device(&deployment, &alice, "alice");
    // It leaves key packages.
    assert_eq!(deployment.chat(&phone, &["status"]).json()["packages"]["has_last_resort"], true);
    deployment.acquaint((&bob, "bob"), (&alice, "alice"));
    let sent = deployment.chat(&bob, &["send", "alice", "to both"]).json();
    let mut to: Vec<&str> = sent["delivered_to"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let (alices, phones) = (id(&alice), id(&phone));
    let mut wanted = [alices.as_str(), phones.as_str()];
    to.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(to, wanted);

    // The phone knows of the contact by the primary.
    super::eventually("the phone knows bob", || {
        deployment.chat(&phone, &["list"]).stdout.starts_with(b"{\"with\":") && {
            deployment.chat(&phone, &["list"]).json()["stands"] == "contact"
        }
    });
    assert_eq!(texts(&deployment, &phone, "bob"), ["to both"]);
    deployment.chat(&phone, &["send", "bob", "from the phone"]).json();
    for user in [(&bob, "alice"), (&alice, "bob")] {
        assert_eq!(texts(&deployment, user.0, user.1), ["to both", "from the phone"]);
    }

    alice.kez(&["sigchain", "revoke", &phones, "--reason", "lost"]).json();
    let sent = deployment.chat(&alice, &["send", "bob", "not to the phone"]).json();
    assert_eq!(sent["delivered_to"], json!([id(&bob)]));
    let run = deployment.chat(&phone, &["history", "bob"]);
    assert!(!String::from_utf8_lossy(&run.stdout).contains("not to the phone"), "it reads nothing later");
    assert_eq!(deployment.chat(&phone, &["send", "bob", "I am a thief"]).problem().0, "broker_refused");
    assert_eq!(texts(&deployment, &bob, "alice").len(), 3);
}

#[test]
fn a_device_that_lost_its_folder_asks_and_talks_again() {
    let deployment = chatty();
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    deployment.acquaint((&alice, "alice"), (&bob, "bob"));
    deployment.chat(&bob, &["send", "alice", "before"]).json();
    assert_eq!(texts(&deployment, &alice, "bob"), ["before"]);
    std::fs::remove_dir_all(alice.path(".config/kez/chat")).expect("it is there");
    // The contact is gone as well: asking again begins anew, and is accepted at once.
    deployment.chat(&alice, &["ask", "bob"]).json();
    let mut watch = Watch::begin(&deployment, &bob);
    deployment.chat(&bob, &["send", "alice", "after"]).json();
    super::eventually("alice reads on", || texts(&deployment, &alice, "bob").contains(&"after".to_owned()));
    deployment.chat(&alice, &["send", "bob", "I am back"]).json();
    assert_eq!(watch.text()["text"], "I am back");
}

#[test]
fn an_old_copy_of_the_folder_is_found_out_and_costs_no_text() {
    let deployment = chatty();
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    deployment.acquaint((&alice, "alice"), (&bob, "bob"));
    deployment.chat(&bob, &["send", "alice", "one"]).json();
    assert_eq!(texts(&deployment, &alice, "bob"), ["one"]);
    let (folder, copy) = (alice.path(".config/kez/chat"), alice.path("copy"));
    let files = |from: &std::path::Path, to: &std::path::Path| {
        std::fs::create_dir_all(to).expect("there is room");
        for file in std::fs::read_dir(from).expect("it is there") {
            let file = file.expect("it is listed");
            std::fs::copy(file.path(), to.join(file.file_name())).expect("it can be copied");
        }
    };
    files(&folder, &copy);
    deployment.chat(&alice, &["send", "bob", "two"]).json();
    deployment.chat(&bob, &["send", "alice", "three"]).json();
    assert_eq!(texts(&deployment, &alice, "bob"), ["one", "two", "three"]);
    std::fs::remove_dir_all(&folder).expect("it is there");
    files(&copy, &folder);
    // It takes fresh keys and asks to be taken in again; what bob said and it does not have comes again.
    let _watch = Watch::begin(&deployment, &bob);
    super::eventually("alice is in again", || {
        deployment.chat(&alice, &["send", "bob", "again", "--timeout", "5"]).json()["waiting"] == json!([])
    });
    let kept = texts(&deployment, &alice, "bob");
    assert!(kept.contains(&"one".to_owned()) && kept.contains(&"three".to_owned()), "{kept:?}");
}

#[test]
fn what_is_kept_is_sealed_like_the_key() {
    let deployment = chatty();
    let bob = deployment.user("bob");
    let alice = User::new();
    let secret = [("KEZ_PASSPHRASE", "correct horse battery staple")];
    alice.kez_with(&["key", "new"], &secret, b"").json();
    alice.kez_with(&["register", "alice", "--server", &deployment.url], &secret, b"").json();
    let chat = |args: &[&str]| {
        alice.kez_with(&[&["chat"], args, &["--nats-url", &deployment.nats_url]].concat(), &secret, b"")
    };
    chat(&["ask", "bob"]).json();
    deployment.chat(&bob, &["accept", "alice"]).json();
    super::eventually("bob accepted", || chat(&["send", "bob", "a very secret text"]).code == 0);
    for file in std::fs::read_dir(alice.path(".config/kez/chat")).expect("it is there") {
        let bytes = std::fs::read(file.expect("it is listed").path()).expect("it can be read");
        assert!(!bytes.windows(11).any(|some| some == b"very secret"), "it is not in the clear");
    }
    assert_eq!(chat(&["history", "bob"]).json()["text"], "a very secret text");
    for log in ["chat.db-wal", "chat.db-shm"] {
        let _ = std::fs::remove_file(alice.path(".config/kez/chat").join(log));
    }
    std::fs::write(alice.path(".config/kez/chat/chat.db"), b"no database").expect("it is the user's own");
    let (code, detail) = chat(&["history", "bob"]).problem();
    assert_eq!(code, "io", "{detail}");
}

#[test]
fn what_was_said_is_readable_when_the_server_is_gone() {
    let deployment = chatty();
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    deployment.acquaint((&alice, "alice"), (&bob, "bob"));
    deployment.chat(&bob, &["send", "alice", "keep this"]).json();
    assert_eq!(texts(&deployment, &alice, "bob"), ["keep this"]);
    drop(deployment);
    for command in ["history", "export"] {
        let run = alice.kez(&["chat", command, "bob"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let line: Value = serde_json::from_slice(&run.stdout).expect("one line of JSON");
        assert_eq!((&line["text"], &line["by"]["handle"]), (&json!("keep this"), &json!("bob")));
        assert!(run.stderr.contains("This is what was here before."), "{}", run.stderr);
    }
    assert_eq!(alice.kez(&["chat", "history", "carol"]).code, 1);
    assert_eq!(alice.kez(&["chat", "list"]).problem().0, "server_unreachable");
}
