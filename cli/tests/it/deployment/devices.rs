//! Contact requests by and to identities of several keys.

use serde_json::{Value, json};

use super::{Deployment, NAME, lines};
use crate::User;

pub(super) fn id(user: &User) -> String {
    user.kez(&["key", "show"]).json()["key"].as_str().expect("a key").to_owned()
}

/// A user whose identity has a chain.
pub(super) fn with_chain(deployment: &Deployment, handle: &str) -> User {
    let user = deployment.user(handle);
    user.kez(&["sigchain", "create", "--recovery-out", "words"]).json();
    user
}

/// A new device of `owner`, by the handle.
pub(super) fn device(deployment: &Deployment, owner: &User, handle: &str) -> User {
    let device = User::with_key();
    let name = format!("{handle}@{NAME}");
    let offer = device.kez(&["sigchain", "offer", &name, "--server", &deployment.url]);
    owner.kez_with(&["sigchain", "add-device"], &[], &offer.stdout).json();
    device
}

fn who(line: &Value) -> (&Value, &Value, &Value) {
    (&line["from"], &line["signer"], &line["handle"])
}

#[test]
fn a_device_writes_and_reads_for_its_identity() {
    let deployment = Deployment::start(&[]);
    let (alice, bob) = (with_chain(&deployment, "alice"), deployment.user("bob"));
    let phone = device(&deployment, &alice, "alice");
    let (alices, phones) = (json!(id(&alice)), json!(id(&phone)));

    let sent = deployment.send(&phone, "bob").json();
    let received = deployment.watch(&bob, &["--count", "1"]).json();
    assert_eq!(sent["id"], received["id"]);
    assert_eq!(who(&received), (&alices, &phones, &json!("alice")));

    let sent = deployment.send(&bob, "alice").json();
    assert_eq!(sent["to"], alices);
    let received = deployment.watch(&phone, &["--count", "1"]).json();
    assert_eq!((&sent["id"], &received["handle"]), (&received["id"], &json!("bob")), "one inbox for all keys");
}

#[test]
fn what_a_lost_device_left_is_not_believed() {
    let deployment = Deployment::start(&[]);
    let (alice, bob) = (with_chain(&deployment, "alice"), deployment.user("bob"));
    let phone = device(&deployment, &alice, "alice");
    deployment.send(&phone, "bob").json();
    alice.kez(&["sigchain", "revoke", &id(&phone), "--reason", "lost"]).json();
    let sent = deployment.send(&alice, "bob").json();
    let run = deployment.watch(&bob, &["--count", "1"]);
    let received: Value = serde_json::from_slice(&run.stdout).expect("one request");
    assert_eq!((&received["id"], &received["signer"]), (&sent["id"], &json!(id(&alice))));
    let told: Value = serde_json::from_str(&run.stderr).expect("one problem");
    assert_eq!(told["code"], "key_not_authorised");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(&id(&alice))), "{told}");
    assert_eq!(deployment.send(&phone, "bob").problem().0, "broker_refused");
}

#[test]
fn a_rotated_primary_speaks_and_the_chain_key_does_not() {
    let deployment = Deployment::start(&[]);
    let (alice, bob) = (with_chain(&deployment, "alice"), deployment.user("bob"));
    let old = json!(id(&alice));
    // Sent by the chain key, and read when that is rotated away.
    deployment.send(&alice, "bob").json();
    alice.kez(&["--key", "new.json", "key", "new"]).json();
    alice.kez(&["sigchain", "rotate", "--new-key", "new.json"]).json();
    let new = alice.kez(&["--key", "new.json", "key", "show"]).json()["key"].clone();
    let as_new = |args: &[&str]| {
        alice.kez(&[&["--key", "new.json", "inbox"], args, &["--nats-url", &deployment.nats_url]].concat())
    };
    let sent = as_new(&["send", "bob"]).json();
    let run = deployment.watch(&bob, &["--count", "1"]);
    let received: Value = serde_json::from_slice(&run.stdout).expect("one request");
    assert_eq!(received["id"], sent["id"]);
    assert_eq!(who(&received), (&old, &new, &json!("alice")));
    assert!(run.stderr.contains("key_not_authorised") && run.stderr.lines().count() == 1, "{}", run.stderr);
    assert_eq!(deployment.send(&alice, "bob").problem().0, "broker_refused");

    let sent = deployment.send(&bob, "alice").json();
    assert_eq!(sent["to"], old, "the chain keeps its name");
    let received = lines(&as_new(&["watch", "--count", "1", "--timeout", "60"]));
    assert_eq!(received[0]["id"], sent["id"]);
}
