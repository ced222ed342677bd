//! Many at once.

use std::collections::HashMap;

use tokio::task::JoinSet;

use crate::harness::{Answer, Server, key};

/// Sends all bodies at the same time and counts the answers by status.
async fn volley(server: &Server, bodies: Vec<Vec<u8>>) -> HashMap<u16, usize> {
    let mut racers = JoinSet::new();
    for body in bodies {
        let request = server.http.post(format!("{}/v1/register", server.base));
        let request = request.header("content-type", "application/json").body(body);
        racers.spawn(async move { Answer::read(request.send().await.expect("an answer")).await.status });
    }
    let mut counts = HashMap::new();
    while let Some(status) = racers.join_next().await {
        *counts.entry(status.expect("no panic")).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_keys_exactly_one_gets_the_handle() {
    let server = Server::start().await;
    for round in 0..4 {
        let handle = format!("wanted{round}");
        let bodies = (0..48).map(|i| server.registration(&handle, &key(round * 48 + i + 1))).collect();
        assert_eq!(volley(&server, bodies).await, HashMap::from([(201, 1), (409, 47)]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_handles_a_key_gets_exactly_one() {
    let server = Server::start().await;
    let bodies = (0..48).map(|i| server.registration(&format!("handle{i}"), &key(1))).collect();
    assert_eq!(volley(&server, bodies).await, HashMap::from([(201, 1), (409, 47)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_envelope_sent_many_times_registers_once() {
    let server = Server::start().await;
    let body = server.registration("tudisco", &key(1));
    assert_eq!(volley(&server, vec![body; 48]).await, HashMap::from([(201, 1), (200, 47)]));
}

/// A batch's refused changes spoil none of the others.
#[tokio::test(flavor = "multi_thread")]
async fn good_and_bad_changes_share_a_batch() {
    let server = Server::start().await;
    let good = (1..=40).map(|i| server.registration(&format!("good{i}"), &key(i)));
    let taken = (101..=140).map(|i| server.registration("good1", &key(i)));
    let counts = volley(&server, good.chain(taken).collect()).await;
    // Either the first or one of the forty strangers got `good1`.
    assert_eq!(counts, HashMap::from([(201, 40), (409, 40)]));
    for i in 2..=40 {
        assert_eq!(server.get(&format!("/v1/u/good{i}")).await.json()["primary"], key(i).id().to_string());
    }
}
