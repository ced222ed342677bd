//! Many at once.

use std::collections::{HashMap, HashSet};

use kez_chat_server::clock::Clock as _;
use tokio::task::JoinSet;

use super::{CLAIMS, PATH, claim, packages};
use crate::chains::owner::Owner;
use crate::harness::{Answer, Server, key};

/// Sends all bodies at the same time.
async fn volley(server: &Server, requests: Vec<(&'static str, Vec<u8>)>) -> Vec<Answer> {
    let mut racers = JoinSet::new();
    for (path, body) in requests {
        let request = server.http.post(format!("{}{path}", server.base)).header("content-type", "application/json");
        racers.spawn(async move { Answer::read(request.body(body).send().await.expect("an answer")).await });
    }
    racers.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_package_is_given_twice() {
    let people: Vec<u8> = (1..=33).collect();
    let server = Server::with(&people).await;
    let (alice, now) = (key(1).id(), server.clock.now());
    for upload in 0..4 {
        server.put(&key(1), alice, upload * 12..(upload + 1) * 12).await.was(201);
    }
    // Two claims of each of 32, with uploads of the same packages between them.
    let claims = (2..=33).chain(2..=33).map(|seed| (CLAIMS, claim(key(seed).id(), alice, now).sign(&key(seed))));
    let uploads = (0..4).map(|upload| (PATH, packages(alice, now, upload * 12..(upload + 1) * 12).sign(&key(1))));
    let (mut given, mut missing) = (HashSet::new(), 0);
    for answer in volley(&server, claims.chain(uploads).collect()).await {
        if answer.status == 201 {
            continue;
        }
        let (packages, without) = answer.given();
        missing += without.len();
        for (number, is_last_resort) in packages {
            assert!(given.insert(number) && !is_last_resort, "{number} was given twice");
        }
    }
    assert_eq!((given.len(), missing), (48, 16));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_claim_sent_many_times_takes_one_package() {
    let server = Server::with(&[1, 2]).await;
    let (alice, now) = (key(1).id(), server.clock.now());
    server.put(&key(1), alice, 0..12).await.was(201);
    let claim = claim(key(2).id(), alice, now).sign(&key(2));
    let answers = volley(&server, vec![(CLAIMS, claim); 32]).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.bytes), (200, &answers[0].bytes));
    }
    server.put(&key(1), alice, []).await.has(201, alice, 11, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_upload_sent_many_times_is_taken_once() {
    let server = Server::with(&[1]).await;
    let upload = packages(key(1).id(), server.clock.now(), 0..12).sign(&key(1));
    let mut counts = HashMap::new();
    for answer in volley(&server, vec![(PATH, upload); 32]).await {
        *counts.entry(answer.status).or_insert(0) += 1;
    }
    assert_eq!(counts, HashMap::from([(201, 1), (200, 31)]));
}

/// Whichever comes first, nothing of a revoked key is given away afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn what_races_with_a_revocation_does_not_outlive_it() {
    let server = Server::with(&[60]).await;
    let mut owner = Owner::start(&server, "tudisco", 1).await;
    let (chain, now) = (owner.chain.id(), server.clock.now());
    for round in 0..6 {
        let device = key(10 + round);
        let event = owner.device(&device);
        owner.post(&server, &event).await.was(201);
        let uploads = (0..8).map(|number| (PATH, packages(chain, now, [number]).sign(&device)));
        let revocation = owner.revocation(&device);
        let (uploads, revoked) = tokio::join!(volley(&server, uploads.collect()), owner.post(&server, &revocation));
        revoked.was(201);
        for answer in uploads {
            assert!(matches!(answer.status, 201 | 403), "{}", answer.json());
        }
        let (given, missing) = server.claim(&key(60), key(60).id(), chain).await.given();
        assert_eq!((given.len(), missing.len()), (0, 1), "the primary alone is active");
    }
}
