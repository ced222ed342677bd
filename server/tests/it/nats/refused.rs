//! Refused, always: whoever does not prove a key that holds a handle here, in whatever way.

use std::time::{Duration, Instant};

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use ed25519_dalek::Signer as _;
use kez_core::nats_login::Login;
use kez_core::nkey::{Nkey, NkeyKind};
use kez_core::{ServerName, SigningKey};
use serde_json::{Value, json};

use super::raw::{Raw, Sent};
use super::{Nats, with_user};
use crate::harness::{Server, key, name};

/// The shortest time after which the home server refuses.
const SHORTEST: Duration = Duration::from_millis(20);
/// Well before the broker gives up by itself, which is after 5 s.
const LONGEST: Duration = Duration::from_secs(3);

/// What a client sends in CONNECT, once it has read INFO.
type Make<'a> = &'a dyn Fn(&Raw) -> Value;

/// The login fails for the home server's reason, and the client hears nothing of that.
async fn is_refused(nats: &Nats, what: &str, make: Make<'_>) {
    let mut raw = Raw::open(nats).await;
    let members = make(&raw);
    let started = Instant::now();
    assert_eq!(raw.connect(members).await, Err("Authorization Violation".to_owned()), "{what}");
    let took = started.elapsed();
    assert!(took >= SHORTEST && took < LONGEST, "{what}: {took:?}");
    assert_eq!(raw.next().await, Sent::End, "{what}");
}

async fn is_let_in(nats: &Nats, what: &str, make: Make<'_>) {
    let mut raw = Raw::open(nats).await;
    let members = make(&raw);
    assert_eq!(raw.connect(members).await, Ok(()), "{what}");
}

/// The key's signature of any text.
fn sign(key: &SigningKey, text: &str) -> [u8; 64] {
    ed25519_dalek::SigningKey::from_bytes(&key.seed()).sign(text.as_bytes()).to_bytes()
}

fn nkey(kind: NkeyKind, key: &SigningKey) -> String {
    Nkey::new(kind, *key.id().as_bytes()).to_string()
}

/// A stock client's signature of what it took for the nonce.
fn stock(key: &SigningKey, text: &str) -> Value {
    json!({ "nkey": nkey(NkeyKind::User, key), "sig": BASE64URL_NOPAD.encode(&sign(key, text)) })
}

#[tokio::test(flavor = "multi_thread")]
async fn who_proves_nothing_is_refused() {
    let (nats, server, user) = with_user().await;
    let other = key(2);
    server.register("other", &other).await;
    let elsewhere: ServerName = "kez.elsewhere".parse().expect("a name");
    let longer: ServerName = "kez.test.example".parse().expect("a name");
    let own = |raw: &Raw| Login::sign(&user, &name(), &raw.nonce());
    let stale = Raw::open(&nats).await;
    let nobody = json!({ "user": "tudisco", "pass": "tudisco", "auth_token": "tudisco" });
    let cases: [(&str, Make<'_>); 16] = [
        ("nothing at all", &|_| json!({})),
        ("no nkey", &|raw| json!({ "sig": own(raw).sig })),
        ("no signature", &|raw| json!({ "nkey": own(raw).nkey })),
        ("an empty signature", &|raw| json!({ "nkey": own(raw).nkey, "sig": "" })),
        ("all zero", &|raw| json!({ "nkey": own(raw).nkey, "sig": BASE64URL_NOPAD.encode(&[0; 64]) })),
        ("a signature of nothing like it", &|_| stock(&user, "aM28yb1GkNEYbdQ")),
        ("the bare nonce", &|raw| stock(&user, &raw.nonce().to_string())),
        ("the empty text", &|_| stock(&user, "")),
        (
            "another's key, one's own signature",
            &|raw| json!({ "nkey": own(raw).nkey, "sig": raw.proof(&other, &name())["sig"] }),
        ),
        ("the nonce of another connection", &|_| stale.proof(&user, &name())),
        ("another server's name", &|raw| raw.proof(&user, &elsewhere)),
        ("a longer server's name", &|raw| raw.proof(&user, &longer)),
        ("no domain", &|raw| stock(&user, &format!("{}\n{}", name(), raw.nonce()))),
        ("a password", &|_| nobody.clone()),
        ("a JWT that vouches for itself", &|raw| json!({ "jwt": "e30.e30.AA", "sig": own(raw).sig })),
        ("a bare JWT", &|_| json!({ "jwt": "e30.e30.AA" })),
    ];
    for (what, make) in cases {
        is_refused(&nats, what, make).await;
    }
    is_let_in(&nats, "as it should be done", &|raw| raw.proof(&user, &name())).await;
    is_let_in(&nats, "with members that say nothing", &|raw| {
        let mut all = raw.proof(&user, &name());
        all.as_object_mut().expect("an object").extend(nobody.as_object().expect("an object").clone());
        all
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_good_for_one_connection() {
    let (nats, _server, user) = with_user().await;
    let mut first = Raw::open(&nats).await;
    let proof = first.proof(&user, &name());
    assert_eq!(first.connect(proof.clone()).await, Ok(()));
    is_refused(&nats, "what another connection was let in with", &|_| proof.clone()).await;
    assert_eq!(first.settle().await, [], "that connection goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn bare_nonces_are_taken_where_the_operator_says_so() {
    let nats = Nats::start(&[]).await;
    let server = nats.server(&["--nats-allow-stock-nkey"]).await;
    let user = key(1);
    server.register("tudisco", &user).await;
    is_let_in(&nats, "the bare nonce", &|raw| stock(&user, &raw.nonce().to_string())).await;
    is_let_in(&nats, "the message for this server", &|raw| raw.proof(&user, &name())).await;
    let stale = Raw::open(&nats).await;
    is_refused(&nats, "the empty text", &|_| stock(&user, "")).await;
    is_refused(&nats, "another's nonce", &|_| stock(&user, &stale.nonce().to_string())).await;
    is_refused(&nats, "a key without a handle", &|raw| stock(&key(2), &raw.nonce().to_string())).await;
    is_refused(&nats, "another's key", &|raw| {
        let sig = &stock(&key(2), &raw.nonce().to_string())["sig"];
        json!({ "nkey": nkey(NkeyKind::User, &user), "sig": sig })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_nkey_has_one_spelling() {
    let (nats, _server, user) = with_user().await;
    let good = nkey(NkeyKind::User, &user);
    let last = if good.ends_with('A') { "B" } else { "A" };
    let spellings = [
        String::new(),
        good.to_lowercase(),
        format!("{}{}", &good[..1], good[1..].to_lowercase()),
        format!("{good}===="),
        format!("{good}="),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{}\u{0}", &good[..55]),
        good[..55].to_owned(),
        format!("{good}A"),
        format!("{}{last}", &good[..55]),
        good.replacen('U', "Ü", 1),
        nkey(NkeyKind::Account, &user),
        nkey(NkeyKind::Server, &user),
        nkey(NkeyKind::Curve, &user),
        user.id().to_string(),
        user.id().hex(),
    ];
    for spelling in spellings {
        let make = |raw: &Raw| json!({ "nkey": spelling, "sig": raw.proof(&user, &name())["sig"] });
        is_refused(&nats, &format!("{spelling:?}"), &make).await;
    }
    is_let_in(&nats, &good, &|raw| json!({ "nkey": good, "sig": raw.proof(&user, &name())["sig"] })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_base64_of_64_bytes() {
    let (nats, _server, user) = with_user().await;
    let spelt = |raw: &Raw, spell: fn(&[u8]) -> String| {
        let Login { nkey, sig } = Login::sign(&user, &name(), &raw.nonce());
        let bytes = BASE64URL_NOPAD.decode(sig.as_bytes()).expect("base64url");
        json!({ "nkey": nkey, "sig": spell(&bytes) })
    };
    let good: [fn(&[u8]) -> String; 3] =
        [|sig| BASE64URL_NOPAD.encode(sig), |sig| BASE64.encode(sig), |sig| BASE64_NOPAD.encode(sig)];
    for spell in good {
        is_let_in(&nats, &spell(&[0xfb; 64]), &|raw| spelt(raw, spell)).await;
    }
    let bad: [fn(&[u8]) -> String; 9] = [
        // Without `-` and `_` it would be the other alphabet's spelling, which is good; then one `=` too many is not.
        |sig| {
            let padded = BASE64URL.encode(sig);
            if padded.contains(['-', '_']) { padded } else { format!("{padded}=") }
        },
        |sig| sig.iter().map(|byte| format!("{byte:02x}")).collect(),
        |sig| format!("{}\n", BASE64URL_NOPAD.encode(sig)),
        |sig| format!(" {}", BASE64URL_NOPAD.encode(sig)),
        |sig| format!("{}\r\n{}", &BASE64.encode(sig)[..76], &BASE64.encode(sig)[76..]),
        |sig| BASE64URL_NOPAD.encode(&sig[..63]),
        |sig| BASE64URL_NOPAD.encode(&[sig, &[0]].concat()),
        |sig| BASE64URL_NOPAD.encode(&[sig, sig].concat()),
        |sig| BASE64URL_NOPAD.encode(BASE64URL_NOPAD.encode(sig).as_bytes()),
    ];
    for spell in bad {
        is_refused(&nats, &spell(&[0xfb; 64]), &|raw| spelt(raw, spell)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_a_handle_here_is_refused() {
    let (nats, server, user) = with_user().await;
    let (unknown, foreign) = (key(2), key(3));
    let elsewhere = Server::start().await;
    elsewhere.register("foreign", &foreign).await;
    for (what, key) in [("unregistered", &unknown), ("registered elsewhere", &foreign)] {
        is_refused(&nats, what, &|raw| raw.proof(key, &name())).await;
    }
    is_let_in(&nats, "registered", &|raw| raw.proof(&user, &name())).await;
    assert_eq!(server.post("/v1/release", server.release("tudisco", &user)).await.status, 200);
    is_refused(&nats, "released", &|raw| raw.proof(&user, &name())).await;
    server.clock.advance(1);
    server.register("again", &user).await;
    is_let_in(&nats, "registered again", &|raw| raw.proof(&user, &name())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_users_are_nobody_elses() {
    let (nats, _server, user) = with_user().await;
    for own in ["auth", "store", "sys"] {
        let nkey = crate::init::public(&nats.out, own);
        for sig in ["", &BASE64URL_NOPAD.encode(&[0; 64])] {
            // The broker knows these users itself and asks nobody.
            let mut raw = Raw::open(&nats).await;
            let refused = raw.connect(json!({ "nkey": nkey, "sig": sig })).await;
            assert_eq!(refused, Err("Authorization Violation".to_owned()), "{own}");
            let mut raw = Raw::open(&nats).await;
            let proof = json!({ "nkey": nkey, "sig": raw.proof(&user, &name())["sig"] });
            assert_eq!(raw.connect(proof).await, Err("Authorization Violation".to_owned()), "{own}");
        }
        assert_eq!(Raw::login_as(&nats, own).await.settle().await, [], "{own}, with its seed");
    }
}
