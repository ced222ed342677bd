//! Envelopes of any type, without a server.

use kez_core::verify_envelope;
use serde::Deserialize;

use super::{each, refused, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    body: String,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: Option<String>,
    r#type: Option<String>,
    key: Option<String>,
    envelope_id: Option<String>,
}

pub(crate) fn valid() {
    each("envelope/valid", |case: Case| {
        let got = verify_envelope(case.body.as_bytes()).map_err(|problem| problem.to_string())?;
        same("type", &Some(got.payload_type), &case.expect.r#type)?;
        same("key", &Some(got.key.to_string()), &case.expect.key)?;
        same("envelope_id", &Some(got.id.to_string()), &case.expect.envelope_id)
    });
}

pub(crate) fn invalid() {
    each("envelope/invalid", |case: Case| {
        let code = case.expect.code.ok_or("no code is expected")?;
        refused(verify_envelope(case.body.as_bytes()), &code).map(|_| ())
    });
}
