//! Requests that no broker made, and answers that no home server made.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use kez_core::SigningKey;
use kez_core::nkey::NkeyKind;
use kez_core::subject::Subjects;
use reqwest::Method;

use super::raw::{Raw, Sent};
use super::{Nats, jwt, with_user};
use crate::harness::key;

const ASKED: &str = "$SYS.REQ.USER.AUTH";

/// A request without fault about somebody who may log in, signed by a server that does not exist.
fn forged(nats: &Nats, user: &SigningKey) -> String {
    jwt::signed(&jwt::request(nats, user), &jwt::broker())
}

/// What comes after `from` has asked for an answer on `reply`, which it hears.
async fn ask(from: &mut Raw, reply: &str, payload: &str) -> Sent {
    from.subscribe(reply, 1).await;
    assert_eq!(from.settle().await, [], "it hears {reply}");
    from.publish(ASKED, reply, payload).await;
    from.next().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_broker_can_ask_who_somebody_is() {
    let (nats, user, token) = (Nats::start(&[]).await, key(1), "0123456789abcdef");
    let server = nats.server(&["--internal-token", token]).await;
    server.register("tudisco", &user).await;
    let request = forged(&nats, &user);
    // Without fault: whoever may ask is answered.
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    let answer = server.send(Method::POST, "/internal/nats/auth", &headers, request.clone().into()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/jwt"));
    // Nobody listens in these accounts, and the broker says so.
    for own in ["store", "sys"] {
        let mut from = Raw::login_as(&nats, own).await;
        let Sent::Message { headers, payload, .. } = ask(&mut from, "forged.answer", &request).await else {
            panic!("{own}: it is not told that nobody listens")
        };
        assert!(headers.starts_with("NATS/1.0 503") && payload.is_empty(), "{own}: {headers}");
        Raw::login(&nats, &user).await;
        assert_eq!(from.settle().await, [], "{own}");
    }
    // Where the home server listens, its own user may answer and not ask.
    let mut from = Raw::login_as(&nats, "auth").await;
    from.publish(ASKED, "$SYS._INBOX.forged", &request).await;
    let violation = Sent::Error(format!("Permissions Violation for Publish to \"{ASKED}\""));
    assert_eq!(from.settle().await, std::slice::from_ref(&violation));
    let mut from = Raw::login(&nats, &user).await;
    let reply = format!("{}.forged", Subjects::of(&user.id()).reply_prefix());
    assert_eq!(ask(&mut from, &reply, &request).await, violation);
    Raw::login(&nats, &user).await;
    assert_eq!(from.settle().await, []);
}

/// Somebody who has the seed of the user in AUTH, and answers everybody with yes.
struct Responder {
    client: async_nats::Client,
    answered: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Responder {
    async fn start(nats: &Nats, issuer: String, signer: ed25519_dalek::SigningKey) -> Responder {
        let client = nats.as_user("auth").await;
        let mut requests = client.subscribe(ASKED).await.expect("a subscription");
        client.flush().await.expect("it is there");
        let (replies, answered) = (client.clone(), Arc::new(AtomicUsize::new(0)));
        let counted = answered.clone();
        let task = tokio::spawn(async move {
            while let Some(message) = requests.next().await {
                let request = jwt::claims(std::str::from_utf8(&message.payload).expect("a JWT"));
                let yes = jwt::permission(&request, &issuer, &signer);
                replies.publish(message.reply.expect("a reply"), yes.into()).await.expect("it is sent");
                counted.fetch_add(1, Ordering::AcqRel);
            }
        });
        Responder { client, answered, task }
    }

    async fn stop(self) -> usize {
        self.task.abort();
        self.client.drain().await.expect("it leaves");
        self.answered.load(Ordering::Acquire)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_the_issuers_seed_lets_nobody_in() {
    let (nats, _server, user) = with_user().await;
    let own = jwt::raw_key(60);
    let (theirs, issuer) = (jwt::text(NkeyKind::Account, &own), crate::init::public(&nats.out, "issuer"));
    for (what, says) in [("an issuer of its own", theirs), ("the issuer's name", issuer.clone())] {
        let responder = Responder::start(&nats, says, own.clone()).await;
        for _ in 0..4 {
            let refused = Raw::try_login(&nats, &key(2)).await;
            assert_eq!(refused, Err("Authorization Violation".to_owned()), "{what}");
        }
        assert!(responder.stop().await >= 4, "{what}: it was asked and answered");
    }
    let back = async { while Raw::try_login(&nats, &user).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(5), back).await.expect("who may log in does again");
    // It is the seed that counts: with it, the very same answers let everybody in.
    let responder = Responder::start(&nats, issuer, jwt::seed(&nats, "issuer")).await;
    assert_eq!(Raw::try_login(&nats, &key(2)).await, Ok(()));
    responder.stop().await;
    assert_eq!(Raw::try_login(&nats, &key(2)).await, Err("Authorization Violation".to_owned()));
}
