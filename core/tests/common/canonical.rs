//! Texts and their canonical form.

use kez_core::canonical::{parse, to_vec};
use serde::Deserialize;

use super::{each, refused, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    input: Option<String>,
    input_hex: Option<String>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    code: Option<String>,
    canonical: Option<String>,
}

impl Case {
    fn bytes(&self) -> Result<Vec<u8>, String> {
        match (&self.input, &self.input_hex) {
            (Some(text), None) => Ok(text.clone().into_bytes()),
            (None, Some(hex)) => const_hex::decode(hex).map_err(|error| error.to_string()),
            _ => Err("one of input and input_hex is given".into()),
        }
    }
}

pub(crate) fn valid() {
    each("canonical/valid", |case: Case| {
        let wanted = case.expect.canonical.clone().ok_or("no canonical form is expected")?;
        let document = parse(&case.bytes()?).map_err(|problem| problem.to_string())?;
        let printed = document.to_canonical();
        same("the canonical form", &String::from_utf8_lossy(&printed).into_owned(), &wanted)?;
        same("the canonical form by serde", &to_vec(&document), &printed)?;
        same("the canonical form read again", &parse(&printed), &Ok(document))
    });
}

pub(crate) fn invalid() {
    each("canonical/invalid", |case: Case| {
        let code = case.expect.code.clone().ok_or("no code is expected")?;
        refused(parse(&case.bytes()?), &code).map(|_| ())
    });
}
