//! Many at once.

use std::collections::HashMap;

use tokio::task::JoinSet;

use super::{COMMITS, commit};
use crate::harness::{Answer, Server};

/// Sends all commits at the same time.
async fn volley(server: &Server, bodies: Vec<Vec<u8>>) -> Vec<Answer> {
    let mut racers = JoinSet::new();
    for (place, body) in bodies.into_iter().enumerate() {
        let request = server.http.post(format!("{}{COMMITS}", server.base)).header("content-type", "application/json");
        racers.spawn(async move { (place, Answer::read(request.body(body).send().await.expect("an answer")).await) });
    }
    let mut answers = racers.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_commits_ends_an_epoch() {
    let server = Server::talking(&[1], &[7]).await;
    for epoch in 1..4 {
        // Two of each, as of a client that asks again.
        let bodies = (0..48).map(|number| commit(7, epoch, number / 2).to_json()).collect();
        let answers = volley(&server, bodies).await;
        let won: Vec<usize> = (0..48).filter(|place| answers[*place].status == 201).collect();
        assert_eq!(won.len(), 1, "one is new");
        for (place, answer) in answers.iter().enumerate() {
            match answer.status {
                201 => answer.begins(201, epoch + 1),
                200 => {
                    assert_eq!(place / 2, won[0] / 2, "the one that won is known");
                    answer.begins(200, epoch + 1);
                }
                _ => answer.is_late(epoch + 1),
            }
        }
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        let log = server.log(7).await;
        assert_eq!(log["epoch"], epoch + 1);
        let kept = log["commits"].as_array().expect("commits").last().cloned().expect("one");
        let winner: serde_json::Value =
            serde_json::from_slice(&commit(7, epoch, u16::try_from(won[0] / 2).expect("few")).to_json()).expect("JSON");
        assert_eq!(kept["commit"], winner["commit"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_go_on_beside_each_other() {
    let people: Vec<u8> = (1..=4).collect();
    let server = Server::talking(&people, &[]).await;
    for conversation in 0..64 {
        server.begin(conversation, &crate::harness::key(1 + conversation % 4)).await.was(201);
    }
    for epoch in 1..4 {
        // Two devices of each race.
        let bodies = (0..128).map(|number| commit(number / 2, epoch, u16::from(number % 2)).to_json()).collect();
        let mut counts = HashMap::new();
        for pair in volley(&server, bodies).await.chunks(2) {
            let mut statuses = [pair[0].status, pair[1].status];
            statuses.sort_unstable();
            *counts.entry(statuses).or_insert(0) += 1;
            pair.iter().filter(|answer| answer.status == 409).for_each(|answer| answer.is_late(epoch + 1));
        }
        assert_eq!(counts, HashMap::from([([201, 409], 64)]));
    }
}
