//! The broker: its version and nonce, the accounts, and whether logins are answered.

use std::time::{Duration, Instant};

use async_nats::{Client, ConnectOptions, Event};
use data_encoding::BASE64URL_NOPAD;
use futures_util::StreamExt as _;
use kez_core::subject::STREAM;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Finding;
use crate::broker::{BrokerLimits, Kind, Unfit, are_kept_apart, measure, probe};
use crate::callout::SUBJECT;
use crate::clock::Clock;
use crate::config::nats::{BrokerSettings, Seed};

/// How long the broker may take to let the server's own users in, or to answer them.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a login may take until it is refused: longer than the broker waits for the callout.
const LOGIN: Duration = Duration::from_secs(12);
/// A refusal that came sooner than this was given; a later one is the broker's own, for want of an answer.
const PROMPT: Duration = Duration::from_millis(1500);
/// A connection that has lasted this long was let in: the broker breaks it off after 5 s when nobody says who it is.
const SETTLED: Duration = Duration::from_secs(7);

/// Looks at the broker. What cannot be looked at because something before it failed is left out.
pub(super) async fn examine(
    settings: &BrokerSettings,
    issuer: &Seed,
    xkey: Option<&Seed>,
    clock: &dyn Clock,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for url in &settings.urls {
        findings.push(match probe(url).await {
            Ok(info) => Finding::ok("broker", format!("{url}: nats-server {}, gives clients a nonce", info.version)),
            Err(unfit) => Finding::failed("broker", unfit.to_string()),
        });
    }
    if findings.iter().any(Finding::is_failure) {
        return findings;
    }
    let (auth, store, sys) = tokio::join!(
        connect(settings, &settings.auth, "AUTH"),
        connect(settings, &settings.store, "STORE"),
        connect(settings, &settings.sys, "SYS")
    );
    for refused in [&auth, &store, &sys].into_iter().filter_map(|client| client.as_ref().err()) {
        findings.push(Finding::failed("accounts", refused.clone()));
    }
    if let Ok(store) = &store {
        findings.push(Finding::of("broker", receipts(store).await));
        for kind in [Kind::Inbox, Kind::Mail] {
            findings.push(Finding::of(kind.plural(), stream(store, kind).await));
        }
    }
    if let Ok(sys) = &sys {
        findings.push(Finding::of("accounts", users_account(sys).await));
        findings.push(Finding::of("clock", clocks(sys, clock).await));
    }
    if let Ok(auth) = &auth {
        findings.extend(callout(settings, auth, issuer, xkey).await);
    }
    findings
}

async fn connect(settings: &BrokerSettings, seed: &Seed, account: &'static str) -> Result<Client, String> {
    let options = ConnectOptions::with_nkey(seed.text().to_owned()).name("kez-chat-server doctor");
    let connected = tokio::time::timeout(PATIENCE, options.connect(settings.urls.as_slice())).await;
    connected.map_err(|_| "no answer".to_owned()).and_then(|client| client.map_err(|error| error.to_string())).map_err(
        |why| format!("the user {} of account {account} is not let in ({why}); compare nats.conf", seed.public()),
    )
}

/// Whether users can acknowledge only what is theirs.
async fn receipts(store: &Client) -> Result<String, String> {
    let copies = ask(store, format!("$JS.API.STREAM.INFO.{STREAM}"), "").await.ok();
    let copies = copies.as_ref().and_then(|reply| reply.pointer("/config/num_replicas")).and_then(Value::as_u64);
    match are_kept_apart(store, copies.and_then(|copies| usize::try_from(copies).ok()).unwrap_or(1)).await? {
        true => Ok("users acknowledge their own messages only".to_owned()),
        false => Err(Unfit::SharedReceipts(store.server_info().version).to_string()),
    }
}

/// Whether the stream of the boxes is there and takes what users send.
async fn stream(store: &Client, kind: Kind) -> Result<String, String> {
    let name = kind.stream();
    let reply = ask(store, format!("$JS.API.STREAM.INFO.{name}"), "").await?;
    if let Some(error) = reply.pointer("/error/description").and_then(Value::as_str) {
        return Err(format!("the stream {name}: {error}; kez-chat-server makes it while it runs"));
    }
    let text = |pointer| reply.pointer(pointer).and_then(Value::as_str);
    let has_subject = text("/config/subjects/0") == Some(kind.subject());
    let is_moved = text("/config/subject_transform/dest") == Some(kind.transform());
    if !has_subject || !is_moved {
        return Err(format!(
            "the stream {name} has other subjects than it should; kez-chat-server changes that while it runs"
        ));
    }
    let number = |pointer| reply.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    Ok(format!("{} of them, {} messages waiting", number("/state/consumer_count"), number("/state/messages")))
}

#[derive(Deserialize)]
struct Account {
    #[serde(default)]
    jetstream_enabled: bool,
    #[serde(default)]
    imports: Vec<Import>,
}

#[derive(Deserialize)]
struct Import {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    account: String,
}

/// What users reach of the boxes of a kind.
fn imports(kind: Kind) -> [String; 3] {
    let name = kind.stream();
    [format!("$JS.API.CONSUMER.MSG.NEXT.{name}.*"), format!("$JS.ACK.{name}.>"), kind.subject().to_owned()]
}

/// Whether users live in an account of their own, that reaches inboxes and mailboxes and nothing else.
async fn users_account(sys: &Client) -> Result<String, String> {
    let query = json!({ "account": "USERS" }).to_string();
    let reply = ask(sys, "$SYS.REQ.SERVER.PING.ACCOUNTZ".to_owned(), &query).await?;
    let detail = reply.pointer("/data/account_detail").cloned().unwrap_or_default();
    let account: Account = serde_json::from_value(detail)
        .map_err(|_| "the broker has no account USERS; compare nats.conf with what init writes".to_owned())?;
    if account.jetstream_enabled {
        return Err("the account USERS has JetStream, so its users could write into inboxes; turn it off".to_owned());
    }
    let has =
        |subject: &String| account.imports.iter().any(|import| import.subject == *subject && import.account == "STORE");
    let missing = |kind| imports(kind).into_iter().find(|subject| !has(subject));
    if let Some(missing) = missing(Kind::Inbox) {
        return Err(format!("the account USERS does not import {missing} from STORE; compare nats.conf"));
    }
    if let Some(missing) = missing(Kind::Mail) {
        return Err(format!(
            "the account USERS does not import {missing} from STORE, so devices reach no mailbox: nats.conf is an earlier \
             release's; kez-chat-server init --upgrade adds what is missing, then restart nats-server"
        ));
    }
    let needed = [imports(Kind::Inbox), imports(Kind::Mail)].concat();
    // The broker itself gives every account a way to ask the system account about itself.
    let own = |import: &&Import| import.account != "SYS" && !needed.contains(&import.subject);
    if let Some(other) = account.imports.iter().find(own) {
        return Err(format!("the account USERS imports {}, which users should not reach", other.subject));
    }
    Ok("AUTH, STORE, USERS and SYS are as they should be".to_owned())
}

/// Whether the clocks of all brokers and this machine's agree: a login has to be answered in time, by the broker's clock.
async fn clocks(sys: &Client, clock: &dyn Clock) -> Result<String, String> {
    let found = measure(sys, clock).await?;
    let limits = BrokerLimits::default();
    match found.iter().find(|skew| skew.is_large(&limits)) {
        None => Ok("the broker's and this machine's agree".to_owned()),
        Some(skew) => Err(format!("this machine's clock is {skew} the broker's; use NTP on both")),
    }
}

/// Tries a login that has to be refused, and watches what the broker makes of it.
async fn callout(settings: &BrokerSettings, auth: &Client, issuer: &Seed, xkey: Option<&Seed>) -> Vec<Finding> {
    let name = "callout";
    // Beside the queue group: a listener that answers nothing.
    let watching = async {
        let requests = auth.subscribe(SUBJECT).await.map_err(|error| error.to_string())?;
        auth.flush().await.map_err(|error| error.to_string())?;
        Ok::<_, String>(requests)
    };
    let mut requests = match watching.await {
        Ok(requests) => requests,
        Err(why) => return vec![Finding::failed(name, format!("login requests cannot be listened to: {why}"))],
    };
    let started = Instant::now();
    // Nobody's key: a login without any, which every callout refuses and every broker without callout refuses at once.
    let stranger = ConnectOptions::new().name("kez-chat-server doctor").connection_timeout(LOGIN);
    let (is_in, request) =
        tokio::join!(gets_in(stranger, &settings.urls), tokio::time::timeout(PATIENCE, requests.next()));
    let took = started.elapsed();
    if is_in {
        return vec![Finding::failed(name, "the broker lets clients in that prove nothing; remove no_auth_user")];
    }
    let Ok(Some(request)) = request else {
        return vec![Finding::failed(name, "the broker asks nobody who its clients are; nats.conf needs auth_callout")];
    };
    let is_encrypted = request.payload.starts_with(b"xkv1");
    if is_encrypted != xkey.is_some() {
        let what = if is_encrypted {
            "encrypts its requests; set KEZ_CHAT_NATS_XKEY_SEED"
        } else {
            "does not encrypt its requests; set xkey in nats.conf"
        };
        return vec![Finding::failed(name, format!("the broker {what}, or take the other away"))];
    }
    let mut findings = Vec::new();
    match claims(&request, xkey) {
        None => findings.push(Finding::failed(name, "the broker's request cannot be read; compare the xkey")),
        Some(claims) if claims.sub != issuer.public().to_string() => findings.push(Finding::failed(
            name,
            format!(
                "the broker trusts the issuer {:.60}, the server signs as {}; set issuer in nats.conf",
                claims.sub,
                issuer.public()
            ),
        )),
        Some(_) => {}
    }
    findings.push(if took < PROMPT {
        Finding::ok(name, format!("a login was refused after {} ms, as it should be", took.as_millis()))
    } else {
        Finding::failed(
            name,
            format!("nobody answered a login within {:.1} s; is kez-chat-server running?", took.as_secs_f32()),
        )
    });
    findings
}

/// Whether the broker lets the client in. The library takes the broker's first PING for a yes, which comes after two
/// seconds to those, too, who wait for an answer in vain.
async fn gets_in(options: ConnectOptions, urls: &[String]) -> bool {
    let (broken, mut breaks) = tokio::sync::mpsc::unbounded_channel();
    let options = options.event_callback(move |event| {
        if !matches!(event, Event::Connected) {
            // Nobody waits for it any more once the verdict is there.
            let _ = broken.send(());
        }
        std::future::ready(())
    });
    let tried = async {
        // The client is held until the verdict is there: dropping it would look like a break.
        let client = options.connect(urls).await.ok()?;
        let verdict = tokio::time::timeout(SETTLED, breaks.recv()).await.is_err().then_some(());
        drop(client);
        verdict
    };
    matches!(tokio::time::timeout(LOGIN, tried).await, Ok(Some(())))
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

fn claims(request: &async_nats::Message, xkey: Option<&Seed>) -> Option<Claims> {
    let jwt = match xkey {
        None => request.payload.to_vec(),
        Some(seed) => {
            let sender = request.headers.as_ref()?.get("Nats-Server-Xkey")?.as_str();
            let sender = nkeys::XKey::from_public_key(sender).ok()?;
            nkeys::XKey::from_seed(seed.text()).ok()?.open(&request.payload, &sender).ok()?
        }
    };
    let claims = jwt.split(|byte| *byte == b'.').nth(1)?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(claims).ok()?).ok()
}

async fn ask(client: &Client, subject: String, payload: &str) -> Result<Value, String> {
    let asked = client.request(subject, payload.to_owned().into());
    let reply = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| "the broker does not answer".to_owned())?;
    serde_json::from_slice(&reply.map_err(|error| error.to_string())?.payload).map_err(|error| error.to_string())
}
