//! Resident memory of an idle server against an idle bare axum.

use std::time::Duration;

use crate::load::Connection;
use crate::target::{self, Target};
use crate::{ROUNDS, report};

pub(crate) async fn idle() {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().expect("a folder");
        let ours =
            resident(target::ours(folder.path()).await, b"GET /v1/healthz HTTP/1.1\r\nhost: bench.test\r\n\r\n").await;
        let limit = target::bare_axum(folder.path(), b"{}", "application/json").await;
        rounds.push((ours, resident(limit, b"GET /v1/u/tudisco HTTP/1.1\r\nhost: bench.test\r\n\r\n").await));
    }
    report("idle resident memory", "KiB", &rounds);
}

/// Resident KiB of a program that answered one request and then had a moment's rest.
async fn resident(target: Target, request: &[u8]) -> f64 {
    assert_eq!(Connection::open(&target.address).await.ask(request).await.0, 200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let pid = target.child.id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
