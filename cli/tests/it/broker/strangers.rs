//! Strangers whose requests are dear to verify: what one of them costs is bounded, and a log that is too large is said to be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kez_core::contact_request::{ContactRequest, MessageId};
use kez_core::sigchain::{Body, Place};
use kez_core::{Hash, KeyId, ServerName, SigningKey};

use super::Member;
use super::watch::with_messages;
use crate::hostile::{Answer, Server, honest, json_of, json_response, key, now, record};

/// The genesis of the chain of key 1.
fn genesis(server: &ServerName) -> Vec<u8> {
    let key = key(1);
    let body = Body::Genesis { primary: key.id(), rotation_keys: vec![key.id()], server: server.clone() };
    Place::genesis(key.id()).sign(&body, now(), &key)
}

/// An honest server where alice, who is key 1, has begun a chain, whose log is what `log` makes of it; counts how often it is
/// fetched.
fn with_log(log: impl Fn(&str) -> Vec<u8> + Send + 'static) -> (Server, Arc<AtomicUsize>) {
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    // One server, one moment: the head is the same each time.
    let begun = std::sync::OnceLock::new();
    let server = Server::start(move |server, path| -> Answer {
        let genesis = begun.get_or_init(|| genesis(server));
        let (id, head) = (key(1).id(), Hash::of(genesis));
        let mut alice = record("alice", server, &key(1));
        alice.head = Some(head);
        alice.sigchain_url = format!("http://{server}/v1/sigchains/ed25519/{}", id.hex());
        match path {
            "/v1/u/alice" => json_of(&alice),
            path if path == format!("/v1/k/ed25519/{}", id.hex()) => json_of(&alice),
            path if path == format!("/v1/sigchains/ed25519/{}/audit", id.hex()) => {
                count.fetch_add(1, Ordering::SeqCst);
                let genesis = String::from_utf8_lossy(genesis);
                let text = format!(
                    r#"{{"chain":"{id}","entries":[{{"event":{genesis},"received_at":"2026-05-25T03:00:00Z"}}]}}"#
                );
                json_response(&log(&text))
            }
            path => honest(server, path),
        }
    });
    (server, fetched)
}

fn requests(member: &Member, from: KeyId, signer: &SigningKey, count: u8) -> Vec<(String, Vec<u8>)> {
    let request = |nonce| {
        let (to, server, nonce) = (member.id, member.home.name.clone(), MessageId::from_bytes([nonce; 16]));
        let text = ContactRequest { to, server, created_at: now(), nonce }.sign(from, signer);
        (member.stored_under(&from), text)
    };
    (0..count).map(request).collect()
}

#[test]
fn a_senders_log_is_fetched_once_however_many_requests_there_are() {
    let (home, fetched) = with_log(|log| log.as_bytes().to_vec());
    let member = Member::at(home);
    let alice = key(1).id();
    // Requests that nobody of the identity signed make no difference.
    let mut messages = requests(&member, alice, &key(5), 10);
    messages.extend(requests(&member, alice, &key(6), 10));
    messages.extend(requests(&member, alice, &key(1), 16));
    let broker = with_messages(&member, messages);
    let run = member.inbox(&broker, &["watch", "--count", "16"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(String::from_utf8_lossy(&run.stdout).lines().all(|line| line.contains("\"alice\"")));
    assert_eq!(fetched.load(Ordering::SeqCst), 1, "{}", run.stderr);
}

#[test]
fn a_log_that_is_too_large_is_said_to_be() {
    let (home, fetched) = with_log(|log| [log.as_bytes(), &vec![b' '; 4 * 1024 * 1024]].concat());
    let url = home.url();
    let member = Member::at(home);
    let (code, detail) = member.user.kez(&["lookup", &format!("alice@{}", member.home.name)]).problem();
    assert_eq!(code, "log_too_large", "{detail}");
    assert!(detail.contains("larger than kez reads (4 MiB)") && detail.ends_with('.'), "{detail}");
    let before = fetched.swap(0, Ordering::SeqCst);
    assert_eq!(before, 1);

    let broker = with_messages(&member, requests(&member, key(1).id(), &key(1), 5));
    let run = member.inbox(&broker, &["watch", "--timeout", "5"]);
    assert_eq!((run.code, run.stdout.len()), (0, 0), "{} at {url}", run.stderr);
    assert!(run.stderr.contains("log_too_large") && run.stderr.contains(&key(1).id().to_string()), "{}", run.stderr);
    assert_eq!(fetched.load(Ordering::SeqCst), 1, "once for all five");
    let verdicts = broker.published_on("$JS.ACK.");
    assert!(verdicts.len() == 5 && verdicts.iter().all(|verdict| verdict.payload == b"+TERM"));
}
