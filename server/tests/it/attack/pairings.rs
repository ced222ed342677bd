//! Twenty networks used to take all places for offers of device keys in seconds, with chains that there are none of, and
//! nobody else could add a device for ten minutes.

use kez_chat_server::limits::{Limits, PairingLimits};
use kez_core::Hash;
use kez_core::sigchain::Place;
use reqwest::Method;

use crate::chains::owner::Owner;
use crate::harness::{Answer, Server, key};
use crate::pairings::offer;

const PROXY: &[&str] = &["--trusted-proxies", "127.0.0.0/8", "--writes-per-minute", "1000"];

async fn open(server: &Server, body: &str, from: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
    server.send(Method::POST, "/v1/pairings", &headers, body.into()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_there_is_none_of_takes_no_place() {
    let server = Server::start_with(PROXY).await;
    let invented = Place { chain: key(1).id(), seq: 2, prev: Some(Hash::of(b"invented")) };
    open(&server, &offer(&invented, &key(2)).to_string(), "198.51.100.1").await.is(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_many_lines_is_refused_before_it_has_much() {
    let server = Server::start_with(PROXY).await;
    let body = offer(&Owner::start(&server, "tudisco", 1).await.chain.next(), &key(5)).to_string();
    let mut taken = 0;
    for line in 0..120 {
        let answer = open(&server, &body, &format!("2001:db8:0:{:x}::1", line * 0x100)).await;
        if answer.status == 201 {
            taken += 1;
        } else {
            answer.is(429, "rate_limited");
        }
    }
    assert_eq!(taken, 80, "four times what one line has");
    open(&server, &body, "2001:db8:1::1").await.was(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_most_makes_room_for_a_newcomer() {
    let pairings = PairingLimits { waiting: 50, ..PairingLimits::default() };
    let server = Server::start_limited(Limits { pairings, ..Limits::default() }, PROXY).await;
    let body = offer(&Owner::start(&server, "tudisco", 1).await.chain.next(), &key(5)).to_string();
    let victim = open(&server, &body, "203.0.113.9").await;
    victim.was(201);
    let mut first = None;
    for number in 0..200 {
        let answer = open(&server, &body, &format!("2001:db8:{:x}::1", number / 20)).await;
        answer.was(201);
        first.get_or_insert(answer);
    }
    let newcomer = open(&server, &body, "203.0.113.10").await;
    newcomer.was(201);
    for kept in [victim, newcomer] {
        server.get(kept.header("location")).await.was(200);
    }
    let first = first.expect("there were two hundred");
    server.get(first.header("location")).await.is(404, "not_found");
}
