//! What it takes to answer a login: the callout's own function for a cached key, against one `verify_strict` and two
//! signatures, the least that could do it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use clap::Parser as _;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer as _, SigningKey};
use kez_chat_server::callout::{
    BrokerKeys, Callout, Identities, Ids, Issuer, LoginPolicy, LoginRefusal, Member, Unlimited,
};
use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_chat_server::config::Config;
use kez_core::KeyId;
use kez_core::nats_login::{Login, Nonce};
use kez_core::nkey::{Nkey, NkeyKind};
use serde_json::json;

use crate::target::{self, NAME};
use crate::{ROUNDS, report};

/// Answers a round.
const COUNT: u32 = 4_000;
const NONCE: &str = "aM28yb1GkNEYbdQ";

/// A key that is cached.
struct Cached(Arc<Member>);

#[async_trait]
impl Identities for Cached {
    async fn of(&self, _: &KeyId) -> Result<Arc<Member>, LoginRefusal> {
        Ok(self.0.clone())
    }
}

pub(crate) async fn cpu() {
    let seed = nkeys::KeyPair::new_account().seed().expect("a seed");
    let config = Config::try_parse_from(["kez-chat-server", "--nats-issuer-seed", &seed]).expect("good flags");
    let issuer = Issuer::new(&config.nats.resolve().expect("good settings").issuer.expect("an issuer"));
    let user = target::key(1);
    let request = request(&user, issuer.public());
    let identity = Member { handle: "tudisco".parse().expect("a handle"), chain: user.id() };
    let policy = LoginPolicy { server: NAME.parse().expect("a name"), allow_stock_nkey: false, session_secs: 1800 };
    let identities = Arc::new(Cached(Arc::new(identity)));
    let callout = Callout {
        issuer,
        policy,
        clock: Arc::new(SystemClock),
        identities,
        admission: Arc::new(Unlimited),
        ids: Ids::new(&[43; 32]),
        brokers: BrokerKeys::default(),
    };
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..COUNT {
            let answer = callout.answer(black_box(&request)).await.expect("it is answered");
            assert!(black_box(answer).refusal.is_none());
        }
        rounds.push((started.elapsed().as_secs_f64() * 1e6 / f64::from(COUNT), bare()));
    }
    report("an answer to a login, its function alone", "us", &rounds);
}

/// Microseconds of one `verify_strict` and two signatures, of messages as long as the callout's.
pub(crate) fn bare() -> f64 {
    let key = SigningKey::from_bytes(&[9; 32]);
    let (message, user_jwt, response) = ([0x20; 48], [0x20; 900], [0x20; 1_700]);
    let (public, signature) = (key.verifying_key(), key.sign(&message));
    let started = Instant::now();
    for _ in 0..COUNT {
        public.verify_strict(black_box(&message), &signature).expect("a signature");
        black_box(key.sign(black_box(&user_jwt)));
        black_box(key.sign(black_box(&response)));
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(COUNT)
}

/// A request as a broker writes it, that does not expire before the benchmark ends.
fn request(user: &kez_core::SigningKey, issuer: &str) -> Vec<u8> {
    let (broker, attempt) = (SigningKey::from_bytes(&[40; 32]), SigningKey::from_bytes(&[42; 32]));
    let text = |kind, key: &SigningKey| Nkey::new(kind, key.verifying_key().to_bytes()).to_string();
    let nonce: Nonce = NONCE.parse().expect("a nonce");
    let login = Login::sign(user, &NAME.parse().expect("a name"), &nonce);
    let (id, now) = (text(NkeyKind::Server, &broker), SystemClock.now().unix());
    let claims = json!({
        "aud": "nats-authorization-request", "exp": now + 3600, "iat": now, "iss": id, "jti": text(NkeyKind::User, &attempt),
        "nats": {
            "client_info": { "host": "127.0.0.1", "id": 13, "user": login.nkey, "kind": "Client", "type": "nats", "nonce": NONCE },
            "connect_opts": { "nkey": login.nkey, "sig": login.sig, "lang": "rust", "version": "0.51.0", "protocol": 1 },
            "server_id": { "name": "kez1", "host": "127.0.0.1", "id": id, "version": "2.15.1" },
            "type": "authorization_request", "user_nkey": text(NkeyKind::User, &attempt), "version": 2
        },
        "sub": issuer
    });
    let part = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let input = format!("{}.{}", part(br#"{"typ":"JWT","alg":"ed25519-nkey"}"#), part(claims.to_string().as_bytes()));
    format!("{input}.{}", part(&broker.sign(input.as_bytes()).to_bytes())).into_bytes()
}
