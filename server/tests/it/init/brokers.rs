//! A real broker runs what is written.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::{text, written};

/// The broker that `scripts/env` names.
#[expect(clippy::disallowed_methods, reason = "where the tools are is told by the environment")]
pub(crate) fn broker() -> String {
    std::env::var("KEZ_NATS_SERVER_BIN").expect("KEZ_NATS_SERVER_BIN is set by scripts/env")
}

/// An older broker, that has to be refused; none where it cannot be had.
#[expect(clippy::disallowed_methods, reason = "where the tools are is told by the environment")]
pub(crate) fn refused_broker() -> Option<String> {
    let program =
        std::env::var("KEZ_NATS_SERVER_REFUSED_BIN").expect("KEZ_NATS_SERVER_REFUSED_BIN is set by scripts/env");
    std::path::Path::new(&program).exists().then_some(program)
}

/// Free ports, each other than the rest.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let taken = [(); N].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    taken.map(|listener| listener.local_addr().expect("an address").port())
}

#[test]
fn the_broker_accepts_what_is_written() {
    for flags in [&["--server", "kez.example"][..], &["--server", "[::1]:6969", "--bind", "[::1]:6969", "--xkey"]] {
        let (_folder, out) = written(flags);
        let broker = broker();
        for conf in ["nats.conf", "nats.container.conf"] {
            let ended = Command::new(&broker).args(["-t", "-c"]).arg(out.join(conf)).output().expect("it runs");
            assert!(ended.status.success(), "{broker} {conf}: {}", text(&ended.stderr));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_starts_and_gives_clients_a_nonce() {
    let broker = broker();
    let [server, nats, web, monitor] = free_ports().map(|port: u16| format!("127.0.0.1:{port}"));
    let (_folder, out) = written(&[
        "--server",
        &server,
        "--bind",
        &server,
        "--nats-listen",
        &nats,
        "--nats-ws-listen",
        &web,
        "--nats-http-listen",
        &monitor,
    ]);
    let mut child = tokio::process::Command::new(&broker)
        .env_clear()
        .arg("-c")
        .arg(out.join("nats.conf"))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the broker starts");
    let ready = async {
        while !reqwest::get(format!("http://{monitor}/healthz")).await.is_ok_and(|answer| answer.status() == 200) {
            assert!(child.try_wait().expect("a status").is_none(), "{broker} has ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ready).await.expect("it is healthy");
    let stream = tokio::net::TcpStream::connect(&nats).await.expect("a connection");
    let info = BufReader::new(stream).lines().next_line().await.expect("a line").expect("a line");
    assert!(info.starts_with("INFO ") && info.contains("\"nonce\":\""), "{info}");
    assert!(info.contains("\"max_payload\":65536") && info.contains("\"auth_required\":true"), "{info}");
    let upgraded = |origin: &'static str| {
        let request = reqwest::Client::new().get(format!("http://{web}/"));
        let request = request.header("upgrade", "websocket").header("connection", "Upgrade").header("origin", origin);
        request.header("sec-websocket-version", "13").header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==").send()
    };
    assert_eq!(upgraded("https://evil.example").await.expect("an answer").status(), 403);
    assert!(out.join("jetstream").is_dir());
    // The very origin that the server's pages have.
    let own: &'static str = format!("http://{server}").leak();
    assert_eq!(upgraded(own).await.expect("an answer").status(), 101);
}
