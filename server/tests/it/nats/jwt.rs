//! JWTs of brokers and of home servers, made and read by hand.

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer as _, SigningKey, Verifier as _, VerifyingKey};
use kez_chat_server::clock::{Clock as _, SystemClock};
use kez_core::nats_login::{Login, Nonce};
use kez_core::nkey::{Nkey, NkeyKind};
use serde_json::{Value, json};

use super::Nats;
use crate::harness::name;

pub(crate) const HEADER: &str = r#"{"typ":"JWT","alg":"ed25519-nkey"}"#;

/// A JWT of these claims.
pub(crate) fn signed(claims: &Value, by: &SigningKey) -> String {
    with_header(HEADER, claims, by)
}

pub(crate) fn with_header(header: &str, claims: &Value, by: &SigningKey) -> String {
    let part = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let input = format!("{}.{}", part(header.as_bytes()), part(claims.to_string().as_bytes()));
    format!("{input}.{}", part(&by.sign(input.as_bytes()).to_bytes()))
}

/// The claims, whoever signed them.
pub(crate) fn claims(jwt: &str) -> Value {
    let claims = BASE64URL_NOPAD.decode(jwt.split('.').nth(1).expect("a JWT").as_bytes()).expect("base64url");
    serde_json::from_slice(&claims).expect("JSON")
}

/// The claims, which `issuer` has signed.
pub(crate) fn opened(jwt: &str, issuer: &str) -> Value {
    let issuer: Nkey = issuer.parse().expect("an nkey");
    let key = VerifyingKey::from_bytes(issuer.as_bytes()).expect("a key");
    let (input, sig) = jwt.rsplit_once('.').expect("a JWT");
    let sig = BASE64URL_NOPAD.decode(sig.as_bytes()).expect("base64url");
    key.verify(input.as_bytes(), &sig.as_slice().try_into().expect("64 bytes")).expect("the issuer signed it");
    claims(jwt)
}

pub(crate) fn raw_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn text(kind: NkeyKind, key: &SigningKey) -> String {
    Nkey::new(kind, key.verifying_key().to_bytes()).to_string()
}

/// The key behind one of the seeds that `init` wrote.
pub(crate) fn seed(nats: &Nats, name: &str) -> SigningKey {
    let (_, raw) = nkeys::decode_seed(&crate::init::seed(&nats.out, name)).expect("a seed");
    SigningKey::from_bytes(&raw)
}

/// A broker of the tests' own: any key may sign requests, because it names itself.
pub(crate) fn broker() -> SigningKey {
    raw_key(40)
}

/// What such a broker asks about a client that proves `user` to it; without fault.
pub(crate) fn request(nats: &Nats, user: &kez_core::SigningKey) -> Value {
    let (id, nonce) = (text(NkeyKind::Server, &broker()), "aM28yb1GkNEYbdQ");
    let login = Login::sign(user, &name(), &nonce.parse::<Nonce>().expect("a nonce"));
    let now = SystemClock.now().unix();
    json!({
        "aud": "nats-authorization-request", "exp": now + 60, "iat": now, "jti": "X",
        "iss": id, "sub": crate::init::public(&nats.out, "issuer"),
        "nats": {
            "server_id": { "name": "kez1", "host": "127.0.0.1", "id": id, "version": "2.15.1" },
            "user_nkey": text(NkeyKind::User, &raw_key(42)),
            "client_info": { "host": "127.0.0.1", "id": 13, "kind": "Client", "type": "nats", "nonce": nonce },
            "connect_opts": { "nkey": login.nkey, "sig": login.sig, "protocol": 1 },
            "type": "authorization_request", "version": 2
        }
    })
}

/// What lets the client of `request` in, if `issuer` is who the broker trusts; `signer` signs it.
pub(crate) fn permission(request: &Value, issuer: &str, signer: &SigningKey) -> String {
    let (attempt, now) = (&request["nats"]["user_nkey"], SystemClock.now().unix());
    let everything = json!({ "allow": [">"] });
    let user = json!({
        "sub": attempt, "aud": "USERS", "iss": issuer, "name": "tudisco", "iat": now, "exp": now + 600, "jti": attempt,
        "nats": { "pub": everything, "sub": everything, "subs": -1, "data": -1, "payload": -1,
            "type": "user", "version": 2 }
    });
    let nats = json!({ "jwt": signed(&user, signer), "type": "authorization_response", "version": 2 });
    let response = json!({
        "sub": attempt, "aud": request["iss"], "iss": issuer, "iat": now, "jti": attempt, "nats": nats
    });
    signed(&response, signer)
}
