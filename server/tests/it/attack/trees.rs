//! Text that costs many times its bytes once it is read: lists of lists, of nothing, of numbers. A program of its own is
//! watched, because what counts is the memory of the whole.

use kez_core::SigningKey;
use reqwest::{Client, Method, Response};

use crate::harness::key;
use crate::program::{Program, signed};

/// Bytes of each body.
const BYTES: usize = 2 * 1024 * 1024;
/// How many times its bytes a body may cost while it is read.
const TIMES: usize = 10;

/// `piece` so often that it takes some [`BYTES`].
fn many(piece: &str) -> String {
    vec![piece; BYTES / (piece.len() + 1)].join(",")
}

/// Bodies of which each byte would cost most.
fn dense(chain: &SigningKey) -> Vec<String> {
    let log = |entries: &str| format!(r#"{{"chain":"{}","entries":[{entries}]}}"#, chain.id());
    let nested = "[".repeat(12) + "0" + &"]".repeat(12);
    let names: Vec<_> = (0..BYTES / 9).map(|n| format!("\"{n:x}\":0")).collect();
    let names = names.join(",");
    let (numbers, lists) = (many("0"), many("[0]"));
    vec![
        "[".repeat(BYTES),
        format!("[{numbers}]"),
        format!("[{lists}]"),
        format!("[{}]", many(&nested)),
        "{\"a\":".repeat(BYTES / 5),
        log(&numbers),
        log(&many("{}")),
        log(&many("[]")),
        log(&format!(r#"{{"event":[{numbers}]}}"#)),
        log(&format!(r#"{{"event":{{"payload":{{"body":{{"a":[{lists}]}}}}}}}}"#)),
        log(&format!(r#"{{"event":{{"payload":{{"body":{{{names}}}}}}}}}"#)),
        log(&format!(r#"{{"event":{{}},"note":[{lists}]}}"#)),
        log(&format!(r#"{{"event":{{}},"receipt":[{lists}]}}"#)),
        format!(r#"{{"chain":"{}","note":{{{names}}},"entries":[]}}"#, chain.id()),
    ]
}

/// The most memory that the process ever had, in bytes.
fn peak(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    1024 * line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number")
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn no_body_costs_many_times_its_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(folder.path(), &[]).await;
    let http = Client::new();
    let send = async |method: Method, path: &str, body: String| -> Response {
        let request =
            http.request(method, format!("{}{path}", program.base)).header("content-type", "application/json");
        request.body(body).send().await.expect("an answer")
    };
    let owner = key(1);
    let registration = String::from_utf8(signed("tudisco", 1)).expect("JSON");
    assert_eq!(send(Method::POST, "/v1/register", registration).await.status(), 201);
    let path = format!("/v1/sigchains/ed25519/{}", owner.id().hex());
    // What a good request of this size costs is no news either.
    let spaces = " ".repeat(BYTES);
    assert_eq!(send(Method::PUT, &path, spaces).await.status(), 400);
    let before = peak(program.id());
    for body in dense(&owner) {
        let start = body[..40].to_owned();
        let answer = send(Method::PUT, &path, body).await;
        assert_eq!(answer.status(), 400, "{start}");
        let cost = peak(program.id()) - before;
        assert!(cost < TIMES * BYTES, "{start} costs {cost} bytes more");
    }
}
