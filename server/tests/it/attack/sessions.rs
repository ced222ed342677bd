//! As many sessions at the broker as a client likes to open.

use std::time::Duration;

use futures_util::future::join_all;
use kez_chat_server::limits::BrokerLimits;
use kez_core::SigningKey;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{key, name};
use crate::nats::raw::Raw;
use crate::nats::{Nats, with_user};
use crate::program::{Program, signed};

/// Sessions of one key at once.
const PER_KEY: usize = 4;
const REFUSED: &str = "Authorization Violation";

/// Tries at once, and gives those that got in.
async fn burst(nats: &Nats, key: &SigningKey, tries: usize) -> Vec<Raw> {
    let tried = join_all((0..tries).map(async |_| {
        let mut raw = Raw::open(nats).await;
        let proof = raw.proof(key, &name());
        raw.connect(proof).await.map(|()| raw)
    }))
    .await;
    tried.into_iter().filter_map(Result::ok).collect()
}

/// Waits until it is let in, for as long as nobody is kept out by a reload.
async fn let_in(nats: &Nats, key: &SigningKey) -> Raw {
    let let_in = async {
        loop {
            if let Some(raw) = burst(nats, key, 1).await.pop() {
                return raw;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), let_in).await.expect("it gets in")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_burst_four_get_in_nobody_is_ended_for_it_and_what_ends_makes_room() {
    let (nats, server, user) = with_user().await;
    server.register("other", &key(2)).await;
    let mut sessions = burst(&nats, &user, 60).await;
    assert_eq!(sessions.len(), PER_KEY);
    for _ in 0..3 {
        assert_eq!(Raw::try_login(&nats, &user).await, Err(REFUSED.to_owned()));
    }
    for session in &mut sessions {
        assert_eq!(session.settle().await, [], "it goes on");
    }
    assert_eq!(Raw::try_login(&nats, &key(2)).await, Ok(()), "another's key is not concerned");
    drop(sessions.pop());
    sessions.push(let_in(&nats, &user).await);
    assert_eq!(Raw::try_login(&nats, &user).await, Err(REFUSED.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_has_a_limit_of_its_own() {
    let nats = Nats::start(&[]).await;
    let limits = BrokerLimits { sessions_per_key: 100, sessions_per_identity: 7, ..BrokerLimits::default() };
    let server = nats.server_limited(limits, &[]).await;
    server.register("tudisco", &key(1)).await;
    assert_eq!(burst(&nats, &key(1), 30).await.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_are_begun_and_left_keep_nobody_out_for_long() {
    let (nats, _server, user) = with_user().await;
    for _ in 0..20 {
        let raw = Raw::open(&nats).await;
        let connect = serde_json::json!({ "verbose": false, "protocol": 1, "headers": true });
        let mut members = connect.as_object().expect("an object").clone();
        members.extend(raw.proof(&user, &name()).as_object().expect("an object").clone());
        let mut output = raw.into_output();
        output.write_all(format!("CONNECT {}\r\n", serde_json::Value::Object(members)).as_bytes()).await.expect("sent");
        drop(output);
    }
    let mut sessions = Vec::new();
    for _ in 0..PER_KEY {
        sessions.push(let_in(&nats, &user).await);
    }
    assert_eq!(Raw::try_login(&nats, &user).await, Err(REFUSED.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_count_although_the_server_that_let_them_in_is_another() {
    let nats = Nats::start(&[]).await;
    let limits = BrokerLimits { sessions_per_identity: 6, ..BrokerLimits::default() };
    let server = nats.server_limited(limits.clone(), &[]).await;
    server.register("tudisco", &key(1)).await;
    let first = burst(&nats, &key(1), 10).await;
    assert_eq!(first.len(), PER_KEY);
    let folder = server.stop().await;
    // The broker tells of sessions that were there before, whose identity they are.
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let parts = kez_chat_server::Parts {
        limits: kez_chat_server::limits::Limits { broker: limits, ..Default::default() },
        ..Default::default()
    };
    let server = crate::harness::Server::start_with_parts(folder, &flags, parts).await;
    server.wait_until_ready().await;
    let settled = async {
        // Everything that is let in is held, until nothing is any more.
        let mut more = Vec::new();
        for _ in 0..20 {
            more.extend(burst(&nats, &key(1), 1).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        more
    };
    let more = settled.await;
    assert!(more.len() <= 2, "{} beside the {} that were there", more.len(), first.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_the_broker_everybody_is_back_at_once() {
    let (mut nats, server, user) = with_user().await;
    let mut sessions = burst(&nats, &user, PER_KEY).await;
    nats.kill().await;
    nats.start_again().await;
    for session in &mut sessions {
        assert!(session.ended_within(Duration::from_secs(5)).await);
    }
    server.wait_until_ready().await;
    let mut back = Vec::new();
    for _ in 0..PER_KEY {
        back.push(let_in(&nats, &user).await);
    }
    assert_eq!(Raw::try_login(&nats, &user).await, Err(REFUSED.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_have_one_limit() {
    let nats = Nats::start(&[]).await;
    // A file has one server, so these two have a file each, and are told the same.
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (first, second) =
        (Program::start(folders[0].path(), &flags).await, Program::start(folders[1].path(), &flags).await);
    for server in [&first, &second] {
        server.ready().await;
        let registered = reqwest::Client::new()
            .post(format!("{}/v1/register", server.base))
            .header("content-type", "application/json")
            .body(signed("tudisco", 1));
        assert_eq!(registered.send().await.expect("an answer").status(), 201);
    }
    // At the very same moment each may let in what the other does not know of yet; a moment later it does.
    let mut sessions = burst(&nats, &key(1), 40).await;
    assert!((PER_KEY..=2 * PER_KEY).contains(&sessions.len()), "{}", sessions.len());
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..8 {
        assert_eq!(Raw::try_login(&nats, &key(1)).await, Err(REFUSED.to_owned()));
    }
    // One after the other, however the questions are shared, there are four.
    sessions.clear();
    while sessions.len() < PER_KEY {
        sessions.push(let_in(&nats, &key(1)).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for _ in 0..8 {
        assert_eq!(Raw::try_login(&nats, &key(1)).await, Err(REFUSED.to_owned()));
    }
}
