//! Envelopes that a device signs for an identity, as the home server judges them before it asks its database.

use kez_core::{Admission, KeyId, Problem, SigningKey, Timestamp, verify_envelope};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{each, refused, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case<T> {
    now: Timestamp,
    server: String,
    body: String,
    expect: T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted<S> {
    envelope_id: String,
    signer: KeyId,
    said: S,
    seed_hex: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    code: String,
    /// What the envelope is without a server: `valid` where that differs from what `code` says.
    envelope: Option<String>,
}

/// What a type's envelopes say.
pub(super) trait Said: DeserializeOwned + PartialEq + std::fmt::Debug {
    const FOLDER: &'static str;

    /// What an admitted envelope says, with its id and its signer.
    fn admit(admission: &Admission<'_>, text: &[u8]) -> Result<(String, KeyId, Self), Problem>;

    /// Says it.
    fn sign(&self, server: &str, key: &SigningKey) -> Vec<u8>;
}

impl<T> Case<T> {
    fn admit<S: Said>(&self) -> Result<Result<(String, KeyId, S), Problem>, String> {
        let server = self.server.parse().map_err(|_| "the server's name is malformed")?;
        Ok(S::admit(&Admission { server: &server, now: self.now }, self.body.as_bytes()))
    }
}

pub(super) fn valid<S: Said>() {
    each(&format!("{}/valid", S::FOLDER), |case: Case<Accepted<S>>| {
        let (id, signer, said) = case.admit::<S>()?.map_err(|problem| problem.to_string())?;
        let expect = &case.expect;
        same("envelope_id, signer", &(&id, signer), &(&expect.envelope_id, expect.signer))?;
        same("what it says", &said, &expect.said)?;
        let verified = verify_envelope(case.body.as_bytes()).map_err(|problem| problem.to_string())?;
        same("verify_envelope's key and id", &(verified.key, verified.id.to_string()), &(signer, id))?;
        let Some(seed) = &expect.seed_hex else { return Ok(()) };
        let seed = const_hex::decode_to_array(seed).map_err(|error| error.to_string())?;
        let again = said.sign(&case.server, &SigningKey::from_seed(&seed));
        same("the envelope signed again", &String::from_utf8_lossy(&again).into_owned(), &case.body)
    });
}

pub(super) fn invalid<S: Said>() {
    each(&format!("{}/invalid", S::FOLDER), |case: Case<Refused>| {
        let code = &case.expect.code;
        refused(case.admit::<S>()?, code)?;
        match (verify_envelope(case.body.as_bytes()), case.expect.envelope.as_deref()) {
            (Ok(_), Some("valid")) => Ok(()),
            (result, _) => refused(result, code).map(drop).map_err(|why| format!("verify_envelope: {why}")),
        }
    });
}

/// Bytes written as lower-case hex digits.
pub(super) fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    const_hex::decode_to_array(hex).unwrap_or_else(|_| panic!("{hex} is not {N} bytes"))
}
