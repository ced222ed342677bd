//! NKEY text.

use kez_core::nkey::{MalformedNkey, Nkey};
use serde::Deserialize;

use super::{each, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    nkey: String,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: Option<String>,
    kind: Option<String>,
    key_hex: Option<String>,
}

pub(crate) fn valid() {
    each("nkey/valid", |case: Case| {
        let key: Nkey = case.nkey.parse().map_err(|error: MalformedNkey| error.to_string())?;
        same("kind", &Some(format!("{:?}", key.kind()).to_lowercase()), &case.expect.kind)?;
        same("key_hex", &Some(const_hex::encode(key.as_bytes())), &case.expect.key_hex)?;
        same("the nkey printed", &key.to_string(), &case.nkey)
    });
}

pub(crate) fn invalid() {
    each("nkey/invalid", |case: Case| {
        same("the only refusal", &case.expect.code.as_deref(), &Some("malformed_nkey"))?;
        same("the text read", &case.nkey.parse::<Nkey>(), &Err(MalformedNkey))
    });
}
