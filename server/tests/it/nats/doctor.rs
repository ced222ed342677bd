//! `doctor`: says that a good deployment is one, and of a bad one what is wrong.

use std::fs;

use super::Nats;
use crate::harness::{NAME, Server};
use crate::program::{run, site};

/// What the doctor says of a server beside a broker: the exit code, and its lines.
pub(crate) async fn examine(nats: &Nats, server: &Server, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let bind = server.base.trim_start_matches("http://").to_owned();
    let db = server.db().to_str().expect("UTF-8").to_owned();
    let (ws, url) = (format!("ws://{}", nats.web), format!("nats://{}", nats.address));
    let site = site(env!("CARGO_PKG_VERSION"));
    let mut environment = vec![
        ("KEZ_CHAT_WEB_DIR", site.path().to_str().expect("UTF-8").to_owned()),
        ("KEZ_CHAT_SERVER", NAME.to_owned()),
        ("KEZ_CHAT_BIND", bind),
        ("KEZ_CHAT_DB", db),
        ("KEZ_CHAT_NATS_URL", url),
        ("KEZ_CHAT_NATS_WS_URL", ws),
    ];
    for (name, key) in [("ISSUER", "issuer"), ("AUTH", "auth"), ("STORE", "store"), ("SYS", "sys")] {
        let name: &'static str = format!("KEZ_CHAT_NATS_{name}_SEED").leak();
        environment.push((name, nats.out.join(format!("keys/{key}.nk")).to_str().expect("UTF-8").to_owned()));
    }
    environment.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
    let (code, out, _) = run(&["doctor"], &environment).await;
    (code, out)
}

pub(crate) fn failures(report: &str) -> Vec<&str> {
    report.lines().filter(|line| line.starts_with("FAIL")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_deployment_passes_every_check() {
    let nats = Nats::start(&[]).await;
    let server = nats.server(&[]).await;
    let (code, report) = examine(&nats, &server, &[]).await;
    assert_eq!((code, failures(&report)), (Some(0), Vec::<&str>::new()), "{report}");
    for name in
        ["database", "server", "site", "broker", "inboxes", "mailboxes", "accounts", "clock", "callout", "websocket"]
    {
        assert!(report.lines().any(|line| line.starts_with(&format!("ok    {name} "))), "{name}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let nats = Nats::start(&[]).await;
    let server = nats.server(&[]).await;
    let other = Nats::start(&[]).await;
    let key = |name: &str| other.out.join(format!("keys/{name}.nk")).to_str().expect("UTF-8").to_owned();
    let (issuer, auth, gone) = (key("issuer"), key("auth"), format!("nats://{}", crate::nats::nobody()));
    for (name, value, line, words) in [
        ("KEZ_CHAT_NATS_ISSUER_SEED", issuer.as_str(), "callout", "trusts the issuer"),
        ("KEZ_CHAT_NATS_AUTH_SEED", auth.as_str(), "accounts", "of account AUTH is not let in"),
        ("KEZ_CHAT_NATS_URL", gone.as_str(), "broker", "no broker answers"),
        ("KEZ_CHAT_PUBLIC_URL", "https://other.example", "websocket", "refuses pages of https://other.example"),
        ("KEZ_CHAT_DB", "/no/such/kez.db", "database", "the server makes it at its first start"),
        ("KEZ_CHAT_SERVER", "other.example", "server", "KEZ_CHAT_SERVER differs"),
    ] {
        let (code, report) = examine(&nats, &server, &[(name, value)]).await;
        let named = failures(&report).iter().any(|found| found.contains(line) && found.contains(words));
        assert!(code == Some(1) && named, "{name}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_asks_nobody_or_gets_no_answer_is_named() {
    let mut nats = Nats::start(&[]).await;
    // A server without a broker: nobody answers logins.
    let server = Server::start().await;
    let (code, report) = examine(&nats, &server, &[]).await;
    let named = |words: &str, report: &str| failures(report).iter().any(|line| line.contains(words));
    assert!(code == Some(1) && named("nobody answered a login", &report), "{report}");
    let conf = fs::read_to_string(nats.out.join("nats.conf")).expect("a file");
    let (before, callout) = conf.split_once("auth_callout {").expect("the block");
    let (_, after) = callout.split_once('}').expect("its end");
    fs::write(nats.out.join("nats.conf"), format!("{before}{after}")).expect("it is written");
    nats.kill().await;
    nats.start_again().await;
    let (_, report) = examine(&nats, &server, &[]).await;
    assert!(named("asks nobody who its clients are", &report), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_was_set_up_otherwise_is_named() {
    for (what, from, to, line, words) in [
        ("any page", "allowed_origins: [", "#allowed_origins: [", "websocket", "pages of any origin"),
        (
            "no receipts",
            "      { service: { account: STORE, subject: \"$JS.ACK.KEZ_INBOX",
            "#",
            "accounts",
            "does not import $JS.ACK",
        ),
        ("another way out", "  USERS {\n", "  USERS {\n    jetstream: enabled\n", "accounts", "USERS has JetStream"),
        ("encryption", "auth_callout {\n", "auth_callout {\n    xkey: XKEY\n", "callout", "encrypts its requests"),
    ] {
        let xkey = nkeys::XKey::new().public_key();
        let to = to.replace("XKEY", &xkey);
        let nats = Nats::start_edited(&[], |conf| {
            assert_eq!(conf.matches(from).count(), 1, "{what}");
            conf.replace(from, &to)
        })
        .await;
        // Nobody can read what is encrypted.
        let server = if line == "callout" { Server::start().await } else { nats.server(&[]).await };
        let (code, report) = examine(&nats, &server, &[]).await;
        let named = failures(&report).iter().any(|found| found.contains(line) && found.contains(words));
        assert!(code == Some(1) && named, "{what}: {report}");
    }
}
