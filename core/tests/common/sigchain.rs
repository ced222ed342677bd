//! Audit logs, with no server in sight.

use kez_core::canonical;
use kez_core::sigchain::{Audit, Chain, Failure};
use kez_core::{Hash, verify_envelope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{each, same};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "why")]
    _why: Option<String>,
    chain: String,
    entries: Vec<Value>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    error: Option<String>,
    head: Option<String>,
    nullified: Option<Vec<String>>,
    state: Option<Value>,
}

impl Case {
    fn verify(&self, entries: &[Value]) -> Result<Result<Chain, Failure>, String> {
        let text = json!({ "chain": self.chain, "entries": entries }).to_string();
        Ok(Audit::parse(text.as_bytes()).map_err(|problem| problem.to_string())?.verify())
    }
}

pub(crate) fn valid() {
    each("sigchain/valid", |case: Case| {
        let chain = case.verify(&case.entries)?.map_err(|failure| failure.to_string())?;
        let head = chain.head().map(|head| head.hash.to_string());
        same("head", &head, &case.expect.head)?;
        let nullified = chain.nullified().iter().map(Hash::to_string).collect();
        same("nullified", &Some(nullified), &case.expect.nullified)?;
        let state = serde_json::to_value(chain.state()).map_err(|error| error.to_string())?;
        same("state", &Some(state), &case.expect.state)?;
        case.entries.iter().try_for_each(|entry| each_event_verifies_alone(&entry["event"]))
    });
}

fn each_event_verifies_alone(event: &Value) -> Result<(), String> {
    let verified = verify_envelope(event.to_string().as_bytes()).map_err(|problem| problem.to_string())?;
    same("type", &json!(verified.payload_type), &event["payload"]["type"])?;
    same("key", &json!(verified.key), &event["signature"]["key"])?;
    same("id", &verified.id, &Hash::of(&canonical::to_vec(event)))
}

pub(crate) fn invalid() {
    each("sigchain/invalid", |case: Case| {
        let last = case.entries.len().saturating_sub(1);
        if last > 0 {
            case.verify(&case.entries[..last])?.map_err(|failure| format!("what comes before: {failure}"))?;
        }
        match case.verify(&case.entries)? {
            Ok(_) => Err("accepted".to_owned()),
            Err(failure) => {
                same("index", &failure.index, &last)?;
                let detail = failure.reason.detail();
                same("whether the detail is a sentence", &detail.ends_with('.'), &true)?;
                same("error", &Some(failure.reason.as_str().to_owned()), &case.expect.error)
            }
        }
    });
}

/// Every reason that verification gives has a vector.
pub(crate) fn every_reason_is_covered() {
    let seen = std::cell::RefCell::new(std::collections::BTreeSet::from(["limit-reached".to_owned()]));
    each("sigchain/invalid", |case: Case| {
        seen.borrow_mut().extend(case.expect.error);
        Ok(())
    });
    let all = kez_core::sigchain::Reason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect();
    assert_eq!(*seen.borrow(), all);
}
