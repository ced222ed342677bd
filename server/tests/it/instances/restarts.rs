//! What was answered survives `kill -9`.

use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::registration::Statement;

use super::{PATH, said};
use crate::harness::{Answer, handle, key, name};
use crate::program::Program;

#[tokio::test(flavor = "multi_thread")]
async fn no_answered_instance_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let http = reqwest::Client::new();
    let mut program = Program::start(folder.path(), &[]).await;
    let (device, now) = (key(1), || SystemClock.now());
    let post = async |base: &str, path: &str, body: Vec<u8>| {
        let request = http.post(format!("{base}{path}")).header("content-type", "application/json").body(body);
        Answer::read(request.send().await.expect("an answer")).await
    };
    let body = Statement::registration(handle("tudisco"), name(), now()).sign(&device);
    post(&program.base, "/v1/register", body).await.was(201);
    let mut envelopes = Vec::new();
    for instance in 1..=4_u8 {
        let body = said(device.id(), Some(instance - 1), instance, now()).sign(&device);
        post(&program.base, PATH, body.clone()).await.kept(201, device.id(), instance);
        program.kill_and_wait().await;
        program = Program::start(folder.path(), &[]).await;
        post(&program.base, PATH, body.clone()).await.kept(200, device.id(), instance);
        for before in &envelopes {
            post(&program.base, PATH, Vec::clone(before)).await.conflicts();
        }
        envelopes.push(body);
    }
}
