//! Requests as a broker writes them, and forged ones, byte by byte.

use std::sync::Arc;

use async_trait::async_trait;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use ed25519_dalek::{Signer as _, SigningKey, Verifier as _, VerifyingKey};
use kez_core::nats_login::{Login, Nonce};
use kez_core::nkey::{Nkey, NkeyKind};
use kez_core::{KeyId, Timestamp};
use serde_json::{Value, json};

use super::jwt::Parts;
use super::{BrokerKeys, Callout, Dropped, Identities, Ids, Issuer, LoginPolicy, LoginRefusal, Member, Unlimited};
use crate::clock::{Clock as _, ManualClock};
use crate::config::nats::{NatsFlags, Seed};

const NONCE: &str = "aM28yb1GkNEYbdQ";
const NOW: i64 = 1_795_391_796;

/// One key is a device of an identity with a handle, whose chain has another.
struct One;

#[async_trait]
impl Identities for One {
    async fn of(&self, key: &KeyId) -> Result<Arc<Member>, LoginRefusal> {
        let handle = "tudisco".parse().expect("a handle");
        let chain = user(2).id();
        if *key == user(1).id() { Ok(Arc::new(Member { handle, chain })) } else { Err(LoginRefusal::Unknown) }
    }
}

fn user(seed: u8) -> kez_core::SigningKey {
    kez_core::SigningKey::from_seed(&[seed; 32])
}

fn broker() -> SigningKey {
    SigningKey::from_bytes(&[40; 32])
}

fn issuer_seed() -> Seed {
    let text = nkeys::KeyPair::new_from_raw(nkeys::KeyPairType::Account, [41; 32]).and_then(|pair| pair.seed());
    let text = text.expect("a seed");
    let flags = ["x", "--nats-issuer-seed", text.as_str()];
    let flags = <Flags as clap::Parser>::try_parse_from(flags).expect("good flags").nats;
    flags.resolve().expect("they resolve").issuer.expect("an issuer")
}

#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    nats: NatsFlags,
}

fn callout(allow_stock_nkey: bool) -> (Callout, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix(NOW)));
    let policy = LoginPolicy { server: "kez.test".parse().expect("a name"), allow_stock_nkey, session_secs: 1800 };
    let callout = Callout {
        issuer: Issuer::new(&issuer_seed()),
        policy,
        clock: clock.clone(),
        identities: Arc::new(One),
        admission: Arc::new(Unlimited),
        ids: Ids::new(&[43; 32]),
        brokers: BrokerKeys::default(),
    };
    (callout, clock)
}

fn text(kind: NkeyKind, key: &SigningKey) -> String {
    Nkey::new(kind, key.verifying_key().to_bytes()).to_string()
}

/// What the broker would ask about the first user, who signs in as it should.
fn claims() -> Value {
    let (broker, attempt) = (broker(), SigningKey::from_bytes(&[42; 32]));
    let nonce: Nonce = NONCE.parse().expect("a nonce");
    let login = Login::sign(&user(1), &"kez.test".parse().expect("a name"), &nonce);
    let id = text(NkeyKind::Server, &broker);
    json!({
        "aud": "nats-authorization-request", "exp": NOW + 2, "iat": NOW, "jti": "X",
        "iss": id, "sub": Issuer::new(&issuer_seed()).public(),
        "nats": {
            "server_id": { "name": "kez1", "host": "127.0.0.1", "id": id, "version": "2.15.1" },
            "user_nkey": text(NkeyKind::User, &attempt),
            "client_info": { "host": "127.0.0.1", "id": 13, "kind": "Client", "type": "nats", "nonce": NONCE },
            "connect_opts": { "nkey": login.nkey, "sig": login.sig, "protocol": 1 },
            "type": "authorization_request", "version": 2
        }
    })
}

fn signed(claims: &Value, header: &str, by: &SigningKey) -> Vec<u8> {
    let part = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let input = format!("{}.{}", part(header.as_bytes()), part(claims.to_string().as_bytes()));
    format!("{input}.{}", part(&by.sign(input.as_bytes()).to_bytes())).into_bytes()
}

const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;

/// `claims` with the member at `pointer` set to `value`, or taken out.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut claims = claims();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = claims.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    match value {
        Some(value) => drop(parent.insert(name.to_owned(), value)),
        None => drop(parent.remove(name)),
    }
    claims
}

async fn ask(claims: &Value) -> Result<Option<LoginRefusal>, Dropped> {
    let (callout, _) = callout(false);
    callout.answer(&signed(claims, HEADER, &broker())).await.map(|answer| answer.refusal)
}

fn open(jwt: &str) -> Value {
    let parts = Parts::split(jwt).expect("a JWT");
    let issuer: Nkey = Issuer::new(&issuer_seed()).public().parse().expect("an nkey");
    let key = VerifyingKey::from_bytes(issuer.as_bytes()).expect("a key");
    let (input, sig) = jwt.rsplit_once('.').expect("two dots");
    let sig = BASE64URL_NOPAD.decode(sig.as_bytes()).expect("base64url");
    key.verify(input.as_bytes(), &sig.as_slice().try_into().expect("64 bytes")).expect("the issuer signed it");
    serde_json::from_slice(&parts.claims).expect("JSON")
}

#[tokio::test]
async fn who_proves_a_registered_key_gets_its_own_subjects_and_nothing_else() {
    let (callout, clock) = callout(false);
    let answer = callout.answer(&signed(&claims(), HEADER, &broker())).await.expect("an answer");
    let (response, asked, issuer) = (open(&answer.jwt), claims(), callout.issuer.public().to_owned());
    let attempt = &asked["nats"]["user_nkey"];
    assert_eq!((&response["sub"], &response["aud"]), (attempt, &asked["iss"]));
    assert_eq!((&response["iss"], &response["nats"]["type"]), (&json!(issuer), &json!("authorization_response")));
    assert_eq!(response["nats"]["version"], 2);
    let members: Vec<_> = response["nats"].as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["jwt", "type", "version"], "no error and no issuer_account");

    let user_jwt = open(response["nats"]["jwt"].as_str().expect("a JWT"));
    let (pk, dk) = (user(2).id().hex(), user(1).id().hex());
    assert_eq!(
        user_jwt["nats"],
        json!({
            "pub": { "allow": [format!("kez.send.{pk}.*"), format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.{pk}"),
                format!("$JS.ACK.KEZ_INBOX.{pk}.>"), format!("kez.chat.{pk}.*"),
                format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_CHAT.{dk}"), format!("$JS.ACK.KEZ_CHAT.{dk}.>")] },
            "sub": { "allow": [format!("kez.inbox.{pk}.>"), format!("_INBOX_{pk}.>"), format!("kez.mail.{dk}.>")] },
            "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2
        })
    );
    assert_eq!((&user_jwt["aud"], &user_jwt["name"], &user_jwt["sub"]), (&json!("USERS"), &json!("tudisco"), attempt));
    let lifetime = user_jwt["exp"].as_i64().expect("a number") - clock.now().unix();
    assert!((1440..=1800).contains(&lifetime), "{lifetime}");
}

#[tokio::test]
async fn sessions_never_end_before_ten_minutes_and_not_all_at_once() {
    let (mut callout, _) = callout(false);
    callout.policy.session_secs = 600;
    let mut ends = Vec::new();
    for secs in [600, 3600] {
        callout.policy.session_secs = secs;
        for seed in 0..20 {
            let attempt = text(NkeyKind::User, &SigningKey::from_bytes(&[seed; 32]));
            let claims = with("/nats/user_nkey", Some(attempt.into()));
            let answer = callout.answer(&signed(&claims, HEADER, &broker())).await.expect("an answer");
            let user_jwt = open(open(&answer.jwt)["nats"]["jwt"].as_str().expect("a JWT"));
            ends.push(user_jwt["exp"].as_i64().expect("a number") - NOW);
        }
    }
    assert!(ends[..20].iter().all(|secs| *secs == 600) && ends[20..].iter().all(|secs| (2880..=3600).contains(secs)));
    assert!(ends[20..].iter().any(|secs| *secs != ends[20]), "{ends:?}");
}

#[tokio::test]
async fn what_deserves_no_answer_gets_none() {
    let other = SigningKey::from_bytes(&[50; 32]);
    let other_id = text(NkeyKind::Server, &other);
    let user_id = text(NkeyKind::User, &broker());
    let cases = [
        ("/aud", None, Dropped::WrongAudience),
        ("/aud", Some(json!("nats-authorization-response")), Dropped::WrongAudience),
        ("/sub", None, Dropped::WrongSubject),
        ("/sub", Some(json!(text(NkeyKind::Account, &other))), Dropped::WrongSubject),
        ("/exp", None, Dropped::NoExpiry),
        ("/exp", Some(json!(NOW)), Dropped::Late),
        ("/exp", Some(json!(NOW - 100)), Dropped::Late),
        ("/exp", Some(json!(i64::MIN)), Dropped::Late),
        ("/exp", Some(json!("soon")), Dropped::Undecodable),
        ("/iss", None, Dropped::Forged),
        ("/iss", Some(json!(other_id)), Dropped::Forged),
        ("/iss", Some(json!(user_id)), Dropped::Forged),
        ("/nats/server_id/id", Some(json!(other_id)), Dropped::Forged),
        ("/nats/server_id", None, Dropped::Undecodable),
        ("/nats/user_nkey", None, Dropped::Undecodable),
        ("/nats/user_nkey", Some(json!(other_id)), Dropped::Undecodable),
        ("/nats/type", Some(json!("authorization_response")), Dropped::Undecodable),
        ("/nats", None, Dropped::Undecodable),
    ];
    for (pointer, value, why) in cases {
        let shown = format!("{pointer} {value:?}");
        assert_eq!(ask(&with(pointer, value)).await, Err(why), "{shown}");
    }
    let (callout, _) = callout(false);
    for (bytes, why) in [
        (signed(&claims(), HEADER, &other), Dropped::Forged),
        (signed(&claims(), r#"{"typ":"JWT","alg":"none"}"#, &broker()), Dropped::Undecodable),
        (signed(&claims(), r#"{"typ":"JWT","alg":"ed25519"}"#, &broker()), Dropped::Undecodable),
        (signed(&claims(), "{}", &broker()), Dropped::Undecodable),
        (Vec::new(), Dropped::Undecodable),
        (b"a.b.c".to_vec(), Dropped::Undecodable),
        (vec![0xff; 64], Dropped::Undecodable),
        (vec![b'.'; 40_000], Dropped::Undecodable),
    ] {
        assert_eq!(callout.answer(&bytes).await.map(|answer| answer.refusal), Err(why));
    }
    // One bit anywhere in a good request, and it is not answered with a yes.
    let good = signed(&claims(), HEADER, &broker());
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(callout.answer(&bad).await.is_err(), "byte {at}");
    }
}

#[tokio::test]
async fn a_request_is_late_when_its_answer_would_be() {
    let (callout, clock) = callout(false);
    let request = signed(&claims(), HEADER, &broker());
    clock.advance_millis(1749);
    assert!(callout.answer(&request).await.is_ok(), "251 ms are left");
    clock.advance_millis(1);
    assert_eq!(callout.answer(&request).await.map(|answer| answer.refusal), Err(Dropped::Late), "250 ms are left");
    // Before any arithmetic: whose it is does not matter any more.
    let forged = signed(&claims(), HEADER, &SigningKey::from_bytes(&[50; 32]));
    assert_eq!(callout.answer(&forged).await.map(|answer| answer.refusal), Err(Dropped::Late));
}

#[tokio::test]
async fn who_proves_nothing_is_refused() {
    let nonce: Nonce = NONCE.parse().expect("a nonce");
    let server = "kez.test".parse().expect("a name");
    let good = Login::sign(&user(1), &server, &nonce);
    let raw = BASE64URL_NOPAD.decode(good.sig.as_bytes()).expect("base64url");
    let sig = |login: Login| Some(json!(login.sig));
    let stock = BASE64URL_NOPAD.encode(&SigningKey::from_bytes(&[1; 32]).sign(NONCE.as_bytes()).to_bytes());
    let empty = BASE64URL_NOPAD.encode(&SigningKey::from_bytes(&[1; 32]).sign(b"").to_bytes());
    let cases = [
        ("/nats/connect_opts/nkey", None, LoginRefusal::NoKey),
        ("/nats/connect_opts/nkey", Some(json!("")), LoginRefusal::NoKey),
        ("/nats/connect_opts/nkey", Some(json!(good.nkey.to_lowercase())), LoginRefusal::NoKey),
        ("/nats/connect_opts/nkey", Some(json!(format!("{} ", good.nkey))), LoginRefusal::NoKey),
        ("/nats/connect_opts/nkey", Some(json!(user(1).id().to_string())), LoginRefusal::NoKey),
        (
            "/nats/connect_opts/nkey",
            Some(json!(text(NkeyKind::Account, &SigningKey::from_bytes(&[1; 32])))),
            LoginRefusal::NoKey,
        ),
        ("/nats/connect_opts", Some(json!({})), LoginRefusal::NoKey),
        ("/nats/client_info/nonce", None, LoginRefusal::NoNonce),
        ("/nats/client_info/nonce", Some(json!("")), LoginRefusal::NoNonce),
        ("/nats/client_info/nonce", Some(json!("short")), LoginRefusal::NoNonce),
        ("/nats/client_info/nonce", Some(json!("bM28yb1GkNEYbdQ")), LoginRefusal::BadSignature),
        ("/nats/connect_opts/sig", None, LoginRefusal::BadSignature),
        ("/nats/connect_opts/sig", Some(json!("")), LoginRefusal::BadSignature),
        ("/nats/connect_opts/sig", Some(json!(BASE64URL_NOPAD.encode(&[0; 64]))), LoginRefusal::BadSignature),
        ("/nats/connect_opts/sig", Some(json!(format!("{}=", good.sig))), LoginRefusal::BadSignature),
        ("/nats/connect_opts/sig", Some(json!(stock)), LoginRefusal::BadSignature),
        ("/nats/connect_opts/sig", Some(json!(empty)), LoginRefusal::BadSignature),
        ("/nats/connect_opts/sig", sig(Login::sign(&user(2), &server, &nonce)), LoginRefusal::BadSignature),
        (
            "/nats/connect_opts/sig",
            sig(Login::sign(&user(1), &"kez.tes".parse().expect("a name"), &nonce)),
            LoginRefusal::BadSignature,
        ),
    ];
    for (pointer, value, why) in cases {
        let shown = format!("{pointer} {value:?}");
        assert_eq!(ask(&with(pointer, value)).await, Ok(Some(why)), "{shown}");
    }
    let stranger = Login::sign(&user(2), &server, &nonce);
    let claims = with("/nats/connect_opts", Some(json!({ "nkey": stranger.nkey, "sig": stranger.sig })));
    assert_eq!(ask(&claims).await, Ok(Some(LoginRefusal::Unknown)));
    for encoding in [BASE64, data_encoding::BASE64_NOPAD] {
        let claims = with("/nats/connect_opts/sig", Some(json!(encoding.encode(&raw))));
        assert_eq!(ask(&claims).await, Ok(None), "standard base64 is taken too");
    }
}

#[tokio::test]
async fn no_two_jwts_have_one_id_although_a_request_is_repeated() {
    let (callout, _) = callout(false);
    let (good, bad) = (claims(), with("/nats/client_info/nonce", None));
    let mut ids = std::collections::HashSet::new();
    for claims in [&good, &good, &bad, &bad] {
        let response = open(&callout.answer(&signed(claims, HEADER, &broker())).await.expect("an answer").jwt);
        let inner = response["nats"]["jwt"].as_str().map(open);
        ids.extend(
            [Some(response), inner].into_iter().flatten().map(|jwt| jwt["jti"].as_str().expect("an id").to_owned()),
        );
    }
    assert_eq!(ids.len(), 6, "{ids:?}");
}

#[tokio::test]
async fn a_refusal_carries_no_user() {
    let (callout, _) = callout(false);
    let request = signed(&with("/nats/client_info/nonce", None), HEADER, &broker());
    let response = open(&callout.answer(&request).await.expect("an answer").jwt);
    let members: Vec<_> = response["nats"].as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["error", "type", "version"]);
    assert_eq!(response["nats"]["error"], LoginRefusal::NoNonce.message());
}

#[tokio::test]
async fn bare_nonces_are_taken_only_where_the_operator_says_so() {
    let stock = BASE64URL_NOPAD.encode(&SigningKey::from_bytes(&[1; 32]).sign(NONCE.as_bytes()).to_bytes());
    let request = signed(&with("/nats/connect_opts/sig", Some(json!(stock))), HEADER, &broker());
    for (allowed, refusal) in [(true, None), (false, Some(LoginRefusal::BadSignature))] {
        let (callout, _) = callout(allowed);
        assert_eq!(callout.answer(&request).await.map(|answer| answer.refusal), Ok(refusal));
        assert_eq!(callout.answer(&signed(&claims(), HEADER, &broker())).await.map(|answer| answer.refusal), Ok(None));
    }
}
