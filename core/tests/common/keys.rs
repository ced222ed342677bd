//! Key ids, and whether they name a usable key.

use kez_core::{KeyId, PublicKey};
use serde::Deserialize;

use super::{each, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    key: String,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: Option<String>,
    suite: Option<String>,
}

pub(crate) fn valid() {
    each("keys/valid", |case: Case| {
        let id: KeyId = case.key.parse().map_err(|error| format!("{error}"))?;
        PublicKey::try_from(&id).map_err(|error| format!("{error}"))?;
        same("suite", &Some(id.suite().as_str().to_owned()), &case.expect.suite)?;
        same("the id printed", &id.to_string(), &case.key)
    });
}

pub(crate) fn invalid() {
    each("keys/invalid", |case: Case| {
        same("the only refusal", &case.expect.code.as_deref(), &Some("malformed_key"))?;
        match case.key.parse::<KeyId>().and_then(|id| PublicKey::try_from(&id)) {
            Ok(key) => Err(format!("accepted as {key:?}")),
            Err(_) => Ok(()),
        }
    });
}
