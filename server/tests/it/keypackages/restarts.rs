//! What was answered survives `kill -9`, and no package is given again by who comes back.

use std::collections::HashSet;

use kez_core::registration::Statement;
use kez_core::{KeyId, Timestamp};

use super::{CLAIMS, PATH, claim, machine_time, packages};
use crate::harness::{Answer, handle, key, name};
use crate::program::Program;

async fn post(http: &reqwest::Client, base: &str, path: &str, body: Vec<u8>) -> Option<Answer> {
    let request = http.post(format!("{base}{path}")).header("content-type", "application/json").body(body);
    let response = request.send().await.ok()?;
    let status = response.status();
    let answer = Answer {
        status: status.as_u16(),
        headers: response.headers().clone(),
        bytes: response.bytes().await.ok()?.to_vec(),
    };
    Some(answer)
}

fn claims(seed: u8, to: KeyId, now: Timestamp) -> Vec<u8> {
    claim(key(seed).id(), to, now).sign(&key(seed))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answered_claim_is_lost_and_no_package_is_given_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let http = reqwest::Client::new();
    let (alice, people) = (key(1).id(), 2..=26_u8);
    let mut program = Program::start(folder.path(), &[]).await;
    for seed in std::iter::once(1).chain(people.clone()) {
        let body = Statement::registration(handle(&format!("person{seed}")), name(), machine_time()).sign(&key(seed));
        post(&http, &program.base, "/v1/register", body).await.expect("an answer").was(201);
    }
    for upload in 0..8 {
        let body = packages(alice, machine_time(), upload * 12..(upload + 1) * 12).sign(&key(1));
        post(&http, &program.base, PATH, body).await.expect("an answer").was(201);
    }
    let mut given = HashSet::new();
    for round in 0..3 {
        // Each claims until the server is gone, and keeps what was answered.
        let (base, client) = (program.base.clone(), http.clone());
        let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let load = tokio::spawn(async move {
            let mut answered = Vec::new();
            for seed in people_of(round) {
                let body = claims(seed, alice, machine_time());
                match post(&client, &base, CLAIMS, body.clone()).await {
                    Some(answer) if answer.status == 200 => answered.push((body, answer)),
                    _ => break,
                }
                // Nobody listens once there were enough.
                let _ = heard.send(());
            }
            answered
        });
        for _ in 0..5 {
            tokio::time::timeout(std::time::Duration::from_secs(60), hears.recv()).await.expect("claims are answered");
        }
        program.kill_and_wait().await;
        let answered = load.await.expect("no panic");
        assert!(answered.len() >= 5, "{}", answered.len());
        program = Program::start(folder.path(), &[]).await;
        for (body, answer) in answered {
            let again = post(&http, &program.base, CLAIMS, body).await.expect("an answer");
            assert_eq!((again.status, again.bytes), (200, answer.bytes.clone()), "the same claim, the same answer");
            for (number, _) in answer.given().0 {
                assert!(given.insert(number), "{number} was given twice");
            }
        }
    }
    // What was put here before is known: none of it comes back.
    for upload in 0..8 {
        let body = packages(alice, machine_time(), upload * 12..(upload + 1) * 12).sign(&key(1));
        post(&http, &program.base, PATH, body).await.expect("an answer").was(201);
    }
    let rest = claims(1, alice, machine_time());
    for (number, _) in post(&http, &program.base, CLAIMS, rest).await.expect("an answer").given().0 {
        assert!(given.insert(number), "{number} was given twice");
    }
}

/// A hundred claims of 25 people, four of each: of whom each round takes other ones.
fn people_of(round: usize) -> impl Iterator<Item = u8> {
    (0..32_u8).map(move |number| 2 + (number + 8 * u8::try_from(round).unwrap_or(0)) % 25)
}
