//! What a burst of half heads took is given back, also when nobody asks anything afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::program::Program;

/// Few enough for what a program may have open where nobody raised it.
const HEADS: usize = 800;
/// Each address may have 512 connections.
const ADDRESSES: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn what_half_heads_took_is_given_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(folder.path(), &[]).await;
    program.ready().await;
    let address: SocketAddr = program.base.trim_start_matches("http://").parse().expect("an address");
    let before = resident(&program);
    let mut held = Vec::new();
    for number in 0..HEADS {
        held.push(half_head(address, number % ADDRESSES).await);
    }
    let grown = async {
        while resident(&program) < before + 15 * 1024 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), grown).await.expect("they take memory");
    let under = resident(&program);
    drop(held);
    let given_back = async {
        while resident(&program) > before + (under - before) / 3 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let is_given_back = tokio::time::timeout(Duration::from_secs(60), given_back).await.is_ok();
    assert!(is_given_back, "{before} KiB before, {under} under attack, {} a minute after", resident(&program));
}

/// A head of 30 kB that does not end.
async fn half_head(address: SocketAddr, from: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let last = u8::try_from(from + 2).expect("a few addresses");
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).expect("an address of this machine");
    let mut stream = socket.connect(address).await.expect("a connection");
    let lines = format!("x: {}\r\n", "y".repeat(1_000)).repeat(30);
    stream.write_all(format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}").as_bytes()).await.expect("it is taken");
    stream
}

/// KiB of memory of a running program.
fn resident(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
