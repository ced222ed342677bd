//! Removing what waits for others, by acknowledging it through one's own consumer.

use serde_json::{Value, json};

use crate::harness::{Server, key};
use crate::init::brokers::refused_broker;
use crate::nats::raw::Raw;
use crate::nats::state::Store;
use crate::nats::{Nats, doctor, with_user};
use crate::program::run;

/// A broker where that works; none where it cannot be had.
#[expect(clippy::print_stdout, reason = "a case that cannot run here is told")]
async fn careless() -> Option<Nats> {
    let Some(program) = refused_broker() else {
        println!("not tested: there is no such broker here");
        return None;
    };
    Some(Nats::start_program(&program, &[], |conf| conf).await)
}

async fn streams(nats: &Nats) -> Value {
    Store::open(nats).await.change("STREAM.NAMES", json!({})).await["streams"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_where_that_works_is_refused_at_the_start_and_by_the_doctor() {
    let Some(nats) = careless().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("kez.db").to_str().expect("UTF-8").to_owned();
    let flags = nats.flags();
    let mut all = vec!["--bind", "127.0.0.1:0", "--db", &db];
    all.extend(flags.iter().map(String::as_str));
    let (code, out, err) = run(&all, &[("KEZ_CHAT_SERVER", crate::harness::NAME)]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    let reason = "lets users acknowledge, and so remove, messages that wait for others; use 2.15.1 or newer";
    assert!(err.lines().last().is_some_and(|line| line.contains(reason)), "{err}");
    let (code, report) = doctor::examine(&nats, &Server::start().await, &[]).await;
    let named = report.lines().any(|line| line.starts_with("FAIL  broker") && line.contains(reason));
    assert!(code == Some(1) && named, "{report}");
    assert_eq!(streams(&nats).await, Value::Null, "the probe leaves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_broker_that_comes_later_and_is_like_that_nobody_is_let_in() {
    let Some(mut nats) = careless().await else { return };
    nats.kill().await;
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = Server::start_by_the_machines_clock(tempfile::tempdir().expect("a folder"), &flags).await;
    server.register("tudisco", &key(1)).await;
    nats.start_again().await;
    for _ in 0..3 {
        assert_eq!(Raw::try_login(&nats, &key(1)).await, Err("Authorization Violation".to_owned()));
        let ready = server.get("/v1/readyz").await;
        ready.is(503, "unavailable");
        assert_eq!(ready.json()["checks"]["nats"], "failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_where_that_does_not_work_is_taken_and_the_probe_leaves_nothing() {
    let (nats, server, user) = with_user().await;
    // What a crash left is in nobody's way.
    let left = json!({ "name": "KEZ_PROBE", "subjects": ["kez.probe.*.*"], "storage": "file" });
    Store::open(&nats).await.change("STREAM.CREATE.KEZ_PROBE", left).await;
    let (code, report) = doctor::examine(&nats, &server, &[]).await;
    assert_eq!(code, Some(0), "{report}");
    assert!(
        report.lines().any(|line| line == "ok    broker     users acknowledge their own messages only"),
        "{report}"
    );
    assert_eq!(streams(&nats).await, json!(["KEZ_CHAT", "KEZ_INBOX"]));
    assert_eq!(Raw::try_login(&nats, &user).await, Ok(()));
}
