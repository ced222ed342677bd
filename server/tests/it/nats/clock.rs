//! Clocks that are apart: measured without any login, and told.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clap::Parser as _;
use futures_util::StreamExt as _;
use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_chat_server::config::Config;
use kez_chat_server::doctor;
use kez_core::Timestamp;
use serde_json::Value;

use super::raw::Raw;
use super::{Nats, with_user};
use crate::harness::{NAME, Server};
use crate::program::Program;

/// Moves the server's clock, which stands, to so many seconds ahead of the machine's.
fn set(server: &Server, ahead: i64) {
    server.clock.advance_millis(SystemClock.now_millis() + ahead * 1000 - server.clock.now_millis());
}

/// Asks a server whose clock is so far ahead until the answer has this status; gives its words.
async fn readiness(server: &Server, ahead: i64, status: u16) -> Value {
    let asked = async {
        loop {
            set(server, ahead);
            let answer = server.get("/v1/readyz").await;
            if answer.status == status {
                break answer.json();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked).await.expect("it is measured again")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_wrong_is_not_ready_and_says_by_how_much() {
    let (nats, server, user) = with_user().await;
    for (seconds, says) in
        [(8, ["s ahead of the broker's", "use NTP"]), (-40 * 60, [" s behind the broker's", "use NTP"])]
    {
        let answer = readiness(&server, seconds, 503).await;
        assert_eq!(answer["checks"]["nats"], "failed");
        let detail = answer["detail"].as_str().expect("a sentence");
        assert!(says.iter().all(|says| detail.contains(says)), "{detail}");
        // By how much: the clock stands between two looks.
        let words: Vec<&str> = detail.split(' ').collect();
        let told = words.iter().position(|word| *word == "s").and_then(|at| words[at - 1].parse::<f64>().ok());
        let off = told.expect("a number") - f64::from(u32::try_from(i64::abs(seconds)).expect("small"));
        assert!(off.abs() < 3.0, "{detail}");
        set(&server, seconds);
        assert_eq!(Raw::try_login(&nats, &user).await, Err("Authorization Violation".to_owned()), "{seconds}");
        readiness(&server, 0, 200).await;
        assert_eq!(Raw::try_login(&nats, &user).await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_with_a_wrong_clock_is_never_ready() {
    let nats = Nats::start(&[]).await;
    let flags = nats.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    // Its clock stands on a day in May.
    let server = Server::start_with(&flags).await;
    let told = async {
        loop {
            let answer = server.get("/v1/readyz").await;
            assert_eq!(answer.status, 503, "never, not even for a moment");
            let detail = answer.json()["detail"].as_str().expect("a sentence").to_owned();
            if detail.contains("s behind the broker's") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("it is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_which_clock_is_ahead_and_by_how_much() {
    let (nats, server, _) = with_user().await;
    let flags = nats.flags();
    let db = server.db().to_str().expect("UTF-8").to_owned();
    let fixed = ["kez-chat-server", "--server", NAME, "--db", &db];
    let config = Config::try_parse_from(fixed.into_iter().chain(flags.iter().map(String::as_str))).expect("good flags");
    server.clock.advance(3600);
    let found = doctor::examine(&config, &config.nats.resolve().expect("good seeds"), &*server.clock).await;
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    let clock = lines.iter().find(|line| line.contains("clock")).expect("it looks at clocks");
    assert!(
        clock.starts_with("FAIL") && clock.contains("this machine's clock is 3") && clock.contains("ahead of"),
        "{clock}"
    );
}

/// A broker's time is what its answer says, so whoever may answer beside it has a clock that is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_a_little_wrong_is_a_warning_and_a_metric() {
    let nats = Nats::start(&[]).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let mut flags = nats.flags();
    flags.extend(["--metrics-bind".to_owned(), free.to_string()]);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut program = Program::start(folder.path(), &flags).await;
    program.ready().await;
    let sys = nats.as_user("sys").await;
    let mut asked = sys.subscribe("$SYS.REQ.SERVER.PING").await.expect("it may");
    // Logins go on with a clock that is behind by so much.
    let behind = Arc::new(AtomicI64::new(2_500));
    let now = Arc::clone(&behind);
    tokio::spawn(async move {
        while let Some(question) = asked.next().await {
            let millis = SystemClock.now_millis() - now.load(Ordering::SeqCst);
            let (whole, rest) = (Timestamp::from_unix(millis / 1000).to_string(), millis % 1000);
            let time = whole.replace('Z', &format!(".{rest:03}Z"));
            let answer = serde_json::json!({ "server": { "id": "SLOW", "time": time } }).to_string();
            sys.publish(question.reply.expect("somebody asks"), answer.into()).await.expect("it is sent");
        }
    });
    let line = told(&mut program, "this server's clock is 2.").await;
    assert_eq!(line["level"], "WARN");
    let message = line["message"].as_str().expect("a sentence");
    assert!(message.ends_with("s ahead of the broker's; use NTP on both: logins fail when it gets worse"), "{line}");
    let text = reqwest::get(format!("http://{free}/metrics")).await.expect("an answer").text().await.expect("text");
    let gauge = text.lines().find_map(|line| line.strip_prefix("broker_clock_skew_seconds ")).expect("a metric");
    let gauge: f64 = gauge.parse().expect("a number");
    assert!((2.0..3.0).contains(&gauge), "{gauge}");
    assert_eq!(reqwest::get(format!("{}/v1/readyz", program.base)).await.expect("an answer").status(), 200);
    behind.store(0, Ordering::SeqCst);
    told(&mut program, "this server's clock and the broker's agree again").await;
}

/// The next line of the log that begins like this.
async fn told(program: &mut Program, start: &str) -> Value {
    let line = async {
        loop {
            let line: Value = serde_json::from_str(&program.log.recv().await.expect("a line")).expect("JSON");
            if line["message"].as_str().is_some_and(|message| message.starts_with(start)) {
                break line;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), line).await.expect("it is told")
}
