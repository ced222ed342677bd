//! `healthcheck`: the program asks a server that runs.

use tokio::process::Command;

use crate::harness::Server;

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_asks_the_server_itself() {
    let check = |bind: String| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kez-chat-server"));
        command.env_clear().env("KEZ_CHAT_BIND", bind).arg("healthcheck");
        async move { command.status().await.expect("it runs").code() }
    };
    let server = Server::start().await;
    let address = server.base.trim_start_matches("http://").to_owned();
    assert_eq!(check(address.clone()).await, Some(0));
    let port = address.rsplit(':').next().expect("a port");
    assert_eq!(check(format!("0.0.0.0:{port}")).await, Some(0));
    server.stop().await;
    assert_eq!(check(address).await, Some(1));
}
