//! Logins at a broker.

use kez_core::nats_login::{Login, Nonce, decode_signature, verify, verify_stock};
use kez_core::nkey::{Nkey, NkeyKind};
use kez_core::{KeyId, ServerName, SigningKey};
use serde::Deserialize;

use super::{each, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    nkey: String,
    server: String,
    nonce: String,
    sig: String,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: Option<String>,
    /// Whether the signature is a stock client's, over the bare nonce: `valid`.
    stock: Option<String>,
    message: Option<String>,
    seed_hex: Option<String>,
}

/// What is left to do once everything is read.
struct Read {
    key: KeyId,
    server: ServerName,
    nonce: Nonce,
    sig: [u8; 64],
}

impl Case {
    fn read(&self) -> Result<Read, &'static str> {
        let nkey: Nkey = self.nkey.parse().map_err(|_| "malformed_nkey")?;
        if nkey.kind() != NkeyKind::User {
            return Err("malformed_nkey");
        }
        Ok(Read {
            key: KeyId::ed25519(*nkey.as_bytes()),
            server: self.server.parse().map_err(|_| "malformed_server")?,
            nonce: self.nonce.parse().map_err(|_| "malformed_nonce")?,
            sig: decode_signature(&self.sig).ok_or("malformed_signature")?,
        })
    }

    fn judge(&self) -> Result<Read, &'static str> {
        let read = self.read()?;
        if verify(&read.key, &read.server, &read.nonce, &read.sig) { Ok(read) } else { Err("bad_signature") }
    }
}

pub(crate) fn valid() {
    each("nats_login/valid", |case: Case| {
        let Read { key, server, nonce, .. } = case.judge()?;
        same("the message", &Some(format!("kez-chat/nats-connect/v1\n{server}\n{nonce}")), &case.expect.message)?;
        let Some(hex) = &case.expect.seed_hex else { return Ok(()) };
        let seed = const_hex::decode_to_array(hex).map_err(|error| error.to_string())?;
        let signer = SigningKey::from_seed(&seed);
        same("the seed's key", &signer.id(), &key)?;
        let again = Login { nkey: case.nkey.clone(), sig: case.sig.clone() };
        same("the login signed again", &Login::sign(&signer, &server, &nonce), &again)
    });
}

pub(crate) fn invalid() {
    each("nats_login/invalid", |case: Case| {
        same("the refusal", &case.judge().err(), &case.expect.code.as_deref())?;
        let stock = case.read().is_ok_and(|read| verify_stock(&read.key, &read.nonce, &read.sig));
        same("the stock signature", &stock.then_some("valid"), &case.expect.stock.as_deref())
    });
}
