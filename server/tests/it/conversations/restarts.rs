//! What was answered survives `kill -9`, and no epoch ends twice.

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::registration::Statement;
use serde_json::Value;

use super::{COMMITS, LOG, PATH, commit, part, start};
use crate::harness::{Answer, handle, key, name};
use crate::program::Program;

async fn post(http: &reqwest::Client, base: &str, path: &str, body: Vec<u8>) -> Option<Answer> {
    let request = http.post(format!("{base}{path}")).header("content-type", "application/json").body(body);
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Some(Answer { status, headers, bytes: response.bytes().await.ok()?.to_vec() })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answered_commit_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let http = reqwest::Client::new();
    let now = SystemClock.now();
    let mut program = Program::start(folder.path(), &[]).await;
    let registration = Statement::registration(handle("person1"), name(), now).sign(&key(1));
    post(&http, &program.base, "/v1/register", registration).await.expect("an answer").was(201);
    for conversation in 0..8 {
        let body = start(conversation, &key(1), now).sign(&key(1));
        post(&http, &program.base, PATH, body).await.expect("an answer").was(201);
    }
    let mut epochs = [1_u64; 8];
    for round in 0..3 {
        // Each conversation goes on until the server is gone, and remembers what was answered.
        let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let mut load = tokio::task::JoinSet::new();
        for conversation in 0..8_u8 {
            let (base, client, heard) = (program.base.clone(), http.clone(), heard.clone());
            let first = epochs[usize::from(conversation)];
            load.spawn(async move {
                let mut epoch = first;
                while epoch < first + 15 {
                    match post(&client, &base, COMMITS, commit(conversation, epoch, round).to_json()).await {
                        Some(answer) if answer.status == 201 => epoch += 1,
                        _ => break,
                    }
                    // Nobody listens once there were enough.
                    let _ = heard.send(());
                }
                (conversation, epoch)
            });
        }
        for _ in 0..16 {
            tokio::time::timeout(std::time::Duration::from_secs(60), hears.recv()).await.expect("commits are answered");
        }
        program.kill_and_wait().await;
        let answered = load.join_all().await;
        program = Program::start(folder.path(), &[]).await;
        for (conversation, epoch) in answered {
            let place = usize::from(conversation);
            let log = post(&http, &program.base, LOG, part(conversation, 0, 100)).await.expect("an answer").json();
            let current = log["epoch"].as_u64().expect("a number");
            // The last one may have been stored without an answer.
            assert!((epoch..=epoch + 1).contains(&current), "{epoch} {current}");
            for past in epochs[place]..epoch {
                let sent: Value = serde_json::from_slice(&commit(conversation, past, round).to_json()).expect("JSON");
                let kept = log["commits"].as_array().expect("commits").iter().find(|entry| entry["epoch"] == past);
                assert_eq!(kept.map(|entry| &entry["commit"]), Some(&sent["commit"]));
                let again = commit(conversation, past, round).to_json();
                post(&http, &program.base, COMMITS, again).await.expect("an answer").begins(200, past + 1);
                let other = commit(conversation, past, 99).to_json();
                post(&http, &program.base, COMMITS, other).await.expect("an answer").is_late(current);
            }
            epochs[place] = current;
        }
    }
}
