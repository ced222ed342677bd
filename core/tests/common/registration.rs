//! Registrations and releases against a server's name and clock.

use kez_core::canonical::{self, Json};
use kez_core::registration::{Expected, Statement};
use kez_core::{Admission, Admitted, Code, Hash, Problem, ServerName, SigningKey, Timestamp, verify_envelope};
use serde::Deserialize;

use super::{each, refused, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    now: Timestamp,
    server: String,
    body: String,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: Option<String>,
    /// What the envelope is without the server's context, where it differs from what `code` says: `valid` or a code.
    envelope: Option<String>,
    envelope_id: Option<String>,
    canonical_payload: Option<String>,
    canonical_payload_sha256: Option<String>,
    seed_hex: Option<String>,
}

pub(crate) fn registrations_valid() {
    each("registration/valid", |case| accepted(&case, |a, text| a.registration(text), Statement::registration));
}

pub(crate) fn registrations_invalid() {
    each("registration/invalid", |case| refused_by(&case, |a, text| a.registration(text)));
}

pub(crate) fn releases_valid() {
    each("release/valid", |case| accepted(&case, |a, text| a.release(text), Statement::release));
}

pub(crate) fn releases_invalid() {
    each("release/invalid", |case| refused_by(&case, |a, text| a.release(text)));
}

type Judge = fn(&Admission<'_>, &[u8]) -> Result<Admitted, Problem>;
type Say = fn(kez_core::Handle, ServerName, Timestamp) -> Statement;

fn accepted(case: &Case, judge: Judge, say: Say) -> Result<(), String> {
    let server: ServerName = case.server.parse().map_err(|_| "the server's name is malformed")?;
    let body = case.body.as_bytes();
    let admitted =
        judge(&Admission { server: &server, now: case.now }, body).map_err(|problem| format!("refused: {problem}"))?;
    same("envelope_id", &Some(admitted.id.to_string()), &case.expect.envelope_id)?;
    same("the hash of the bytes", &Hash::of(&admitted.envelope), &admitted.id)?;

    let Ok(Json::Object(members)) = canonical::parse(&admitted.envelope) else { return Err("not an object".into()) };
    let payload = members.get("payload").map(canonical::to_vec).unwrap_or_default();
    if let Some(wanted) = &case.expect.canonical_payload {
        same("canonical_payload", &String::from_utf8_lossy(&payload).into_owned(), wanted)?;
    }
    if let Some(wanted) = &case.expect.canonical_payload_sha256 {
        same("canonical_payload_sha256", &Hash::of(&payload).to_string(), wanted)?;
    }
    if let Some(hex) = &case.expect.seed_hex {
        let seed = const_hex::decode_to_array(hex).map_err(|error| error.to_string())?;
        let statement = say(admitted.handle.clone(), server.clone(), admitted.created_at);
        same("the envelope signed again", &statement.sign(&SigningKey::from_seed(&seed)), &admitted.envelope)?;
        same("the signing input", &statement.signing_input(admitted.primary).into_bytes(), &payload)?;
    }

    let verified = verify_envelope(body).map_err(|problem| format!("verify_envelope refuses: {problem}"))?;
    same("verify_envelope's key and id", &(verified.key, verified.id), &(admitted.primary, admitted.id))?;
    let expected = Expected { handle: &admitted.handle, primary: admitted.primary, server: &server };
    let proven = expected.verify(body).ok();
    let is_registration = verified.payload_type == "kez.chat.handle_registration";
    same("what a reader proves", &proven, &is_registration.then_some(admitted.clone()))
}

fn refused_by(case: &Case, judge: Judge) -> Result<(), String> {
    let code = case.expect.code.as_deref().ok_or("no code is expected")?;
    let server: ServerName = case.server.parse().map_err(|_| "the server's name is malformed")?;
    let problem = refused(judge(&Admission { server: &server, now: case.now }, case.body.as_bytes()), code)?;
    let clock = (problem.code == Code::StaleTimestamp).then_some(case.now);
    same("server_time", &problem.server_time, &clock)?;

    let needs_context = matches!(code, "wrong_server" | "invalid_handle" | "reserved_handle" | "stale_timestamp");
    let alone = case.expect.envelope.as_deref().unwrap_or(if needs_context { "valid" } else { code });
    match (verify_envelope(case.body.as_bytes()), alone) {
        (Ok(_), "valid") => Ok(()),
        (result, _) => refused(result, alone).map(|_| ()).map_err(|why| format!("verify_envelope: {why}")),
    }
}
