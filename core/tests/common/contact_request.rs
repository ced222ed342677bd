//! Contact requests, as their recipient judges them.

use kez_core::contact_request::{ContactRequest, Received, Receiver, SignedRequest};
use kez_core::{KeyId, Problem, ServerName, SigningKey, Timestamp, verify_envelope};
use serde::Deserialize;

use super::{each, refused, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    now: Timestamp,
    server: String,
    me: KeyId,
    sender: KeyId,
    body: String,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: Option<String>,
    /// What the envelope is without its recipient: `valid` where that differs from what `code` says.
    envelope: Option<String>,
    envelope_id: Option<String>,
    from: Option<String>,
    created_at: Option<String>,
    nonce: Option<String>,
    seed_hex: Option<String>,
}

impl Case {
    fn server(&self) -> Result<ServerName, String> {
        self.server.parse().map_err(|_| "the server's name is malformed".into())
    }

    fn judge(&self) -> Result<Result<Received, Problem>, String> {
        let receiver = Receiver { me: self.me, server: &self.server()?, now: self.now };
        Ok(receiver.verify(self.body.as_bytes(), &self.sender).and_then(SignedRequest::from_itself))
    }
}

pub(crate) fn valid() {
    each("contact_request/valid", |case: Case| {
        let got = case.judge()?.map_err(|problem| problem.to_string())?;
        same("envelope_id", &Some(got.id.to_string()), &case.expect.envelope_id)?;
        same("from", &Some(got.from.to_string()), &case.expect.from)?;
        same("created_at", &Some(got.created_at.to_string()), &case.expect.created_at)?;
        same("nonce", &Some(got.nonce.to_string()), &case.expect.nonce)?;
        let verified = verify_envelope(case.body.as_bytes()).map_err(|problem| problem.to_string())?;
        same("verify_envelope's key and id", &(verified.key, verified.id), &(got.from, got.id))?;
        let Some(hex) = &case.expect.seed_hex else { return Ok(()) };
        let seed = const_hex::decode_to_array(hex).map_err(|error| error.to_string())?;
        let (to, created_at, nonce) = (case.me, got.created_at, got.nonce);
        let key = SigningKey::from_seed(&seed);
        let again = ContactRequest { to, server: case.server()?, created_at, nonce }.sign(key.id(), &key);
        same("the request signed again", &String::from_utf8_lossy(&again).into_owned(), &case.body)
    });
}

pub(crate) fn invalid() {
    each("contact_request/invalid", |case: Case| {
        let code = case.expect.code.as_deref().ok_or("no code is expected")?;
        refused(case.judge()?, code)?;
        match (verify_envelope(case.body.as_bytes()), case.expect.envelope.as_deref()) {
            (Ok(_), Some("valid")) => Ok(()),
            (result, _) => refused(result, code).map(|_| ()).map_err(|why| format!("verify_envelope: {why}")),
        }
    });
}
