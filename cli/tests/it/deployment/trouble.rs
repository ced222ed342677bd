//! Keys that are not let in, and brokers that come and go.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Deployment, NAME};
use crate::User;

/// A watch that runs until it is told to end.
struct Watch {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Watch {
    fn start(deployment: &Deployment, user: &User) -> Self {
        let mut command = user.command(&["inbox", "watch", "--nats-url", &deployment.nats_url]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Watch { child, lines }
    }

    fn next(&mut self) -> Value {
        let line = self.lines.next().expect("it goes on").expect("it is text");
        serde_json::from_str(&line).expect("each line is JSON")
    }

    /// Exit code and what was said on stderr.
    fn end(self) -> (Option<i32>, String) {
        let output = self.child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8(output.stderr).expect("messages are text"))
    }
}

#[test]
fn a_key_without_a_handle_is_refused() {
    let deployment = Deployment::start(&[]);
    deployment.user("alice");
    let stranger = User::with_key();
    let of_home = ["--server", &deployment.url, "--nats-url", &deployment.nats_url];
    for command in [&["inbox", "watch"][..], &["inbox", "send", "alice"]] {
        let (code, detail) = stranger.kez(&[command, &of_home].concat()).problem();
        assert_eq!(code, "broker_refused");
        assert!(detail.contains(NAME), "{detail}");
    }
}

#[test]
fn a_watch_ends_when_the_handle_is_released() {
    let deployment = Deployment::start(&[]);
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    let mut watch = Watch::start(&deployment, &bob);
    let sent = deployment.send(&alice, "bob").json();
    assert_eq!(watch.next()["id"], sent["id"]);
    bob.kez(&["release"]).json();
    let (code, told) = watch.end();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.lines().last().is_some_and(|line| line.contains("broker_refused")), "{told}");
    assert_eq!(deployment.send(&alice, "bob").problem().0, "gone");
}

#[test]
fn a_watch_outlives_its_broker() {
    let mut deployment = Deployment::start(&[]);
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    let mut watch = Watch::start(&deployment, &bob);
    let before = deployment.send(&alice, "bob").json();
    assert_eq!(watch.next()["id"], before["id"]);
    deployment.stop_broker();
    assert_eq!(deployment.send(&alice, "bob").problem().0, "broker_unreachable");
    deployment.start_broker();
    let after = deployment.send(&alice, "bob").json();
    assert_eq!(watch.next()["id"], after["id"]);
    let told = Command::new("kill").args(["-TERM", &watch.child.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let (code, told) = watch.end();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.lines().all(|line| line.contains("warning")), "{told}");
}

#[test]
fn a_watch_outlives_its_inbox() {
    let deployment = Deployment::start(&[]);
    let (alice, bob) = (deployment.user("alice"), deployment.user("bob"));
    let mut watch = Watch::start(&deployment, &bob);
    let before = deployment.send(&alice, "bob").json();
    assert_eq!(watch.next()["id"], before["id"]);
    let key = bob.kez(&["key", "show"]).json()["key"].as_str().expect("a key").to_owned();
    let hex = key.trim_start_matches("ed25519:");
    for call in [format!("CONSUMER.DELETE.KEZ_INBOX.{hex}"), "STREAM.DELETE.KEZ_INBOX".to_owned()] {
        deployment.operate(&call);
        let after = deployment.send(&alice, "bob").json();
        assert_eq!(watch.next()["id"], after["id"], "{call}");
    }
    let told = Command::new("kill").args(["-TERM", &watch.child.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    let (code, told) = watch.end();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.lines().all(|line| line.contains("no inbox for this key")), "{told}");
}
