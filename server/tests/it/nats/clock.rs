//! Clocks that are apart: measured without any login, and told.

use std::time::Duration;

use clap::Parser as _;
use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_chat_server::config::Config;
use kez_chat_server::doctor;
use serde_json::Value;

use super::raw::Raw;
use super::{Nats, with_user};
use crate::harness::{NAME, Server};

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
