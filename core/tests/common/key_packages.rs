//! Uploads and claims of key packages, as the home server judges them before it asks its database.

use kez_core::key_packages::{AdmittedClaim, AdmittedUpload, Claim, KeyPackage, Upload};
use kez_core::{Admission, KeyId, Problem, ServerName, SigningKey, Timestamp, verify_envelope};
use serde::Deserialize;

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
struct Refused {
    code: String,
    /// What the envelope is without a server: `valid` where that differs from what `code` says.
    envelope: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Uploaded {
    envelope_id: String,
    device: KeyId,
    chain: KeyId,
    replace: bool,
    packages: Vec<String>,
    last_resort: Option<String>,
    seed_hex: Option<String>,
    created_at: Option<Timestamp>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claimed {
    envelope_id: String,
    signer: KeyId,
    from: KeyId,
    to: KeyId,
    devices: Vec<KeyId>,
    seed_hex: Option<String>,
    created_at: Option<Timestamp>,
    nonce: Option<String>,
}

impl<T> Case<T> {
    fn server(&self) -> Result<ServerName, String> {
        self.server.parse().map_err(|_| "the server's name is malformed".into())
    }

    fn upload(&self) -> Result<Result<AdmittedUpload, Problem>, String> {
        Ok(Admission { server: &self.server()?, now: self.now }.key_packages(self.body.as_bytes()))
    }

    fn claim(&self) -> Result<Result<AdmittedClaim, Problem>, String> {
        Ok(Admission { server: &self.server()?, now: self.now }.key_package_claim(self.body.as_bytes()))
    }

    /// The envelope holds with no server in sight, and is signed by this key.
    fn holds_alone(&self, signer: KeyId, id: &str) -> Result<(), String> {
        let verified = verify_envelope(self.body.as_bytes()).map_err(|problem| problem.to_string())?;
        same("verify_envelope's key and id", &(verified.key, verified.id.to_string()), &(signer, id.to_owned()))
    }
}

fn key(seed_hex: &str) -> Result<SigningKey, String> {
    Ok(SigningKey::from_seed(&const_hex::decode_to_array(seed_hex).map_err(|error| error.to_string())?))
}

pub(crate) fn uploads_valid() {
    each("key_packages/valid", |case: Case<Uploaded>| {
        let got = case.upload()?.map_err(|problem| problem.to_string())?;
        let expect = &case.expect;
        same("envelope_id", &got.id.to_string(), &expect.envelope_id)?;
        same(
            "device, chain, replace",
            &(got.device, got.chain, got.replace),
            &(expect.device, expect.chain, expect.replace),
        )?;
        same("packages", &got.packages.iter().map(KeyPackage::to_string).collect(), &expect.packages)?;
        same("last_resort", &got.last_resort.as_ref().map(KeyPackage::to_string), &expect.last_resort)?;
        case.holds_alone(got.device, &expect.envelope_id)?;
        let (Some(seed), Some(created_at), Some(nonce)) = (&expect.seed_hex, expect.created_at, &expect.nonce) else {
            return Ok(());
        };
        let nonce = nonce.parse().map_err(|problem: Problem| problem.to_string())?;
        let AdmittedUpload { chain, replace, packages, last_resort, .. } = got;
        let again = Upload { chain, server: case.server()?, created_at, nonce, replace, packages, last_resort };
        same("the upload signed again", &String::from_utf8_lossy(&again.sign(&key(seed)?)).into_owned(), &case.body)
    });
}

pub(crate) fn uploads_invalid() {
    each("key_packages/invalid", |case: Case<Refused>| invalid(&case, case.upload()?.map(drop)));
}

pub(crate) fn claims_valid() {
    each("key_package_claim/valid", |case: Case<Claimed>| {
        let got = case.claim()?.map_err(|problem| problem.to_string())?;
        let expect = &case.expect;
        same("envelope_id", &got.id.to_string(), &expect.envelope_id)?;
        same("signer, from, to", &(got.signer, got.from, got.to), &(expect.signer, expect.from, expect.to))?;
        same("devices", &got.devices, &expect.devices)?;
        case.holds_alone(got.signer, &expect.envelope_id)?;
        let (Some(seed), Some(created_at), Some(nonce)) = (&expect.seed_hex, expect.created_at, &expect.nonce) else {
            return Ok(());
        };
        let nonce = nonce.parse().map_err(|problem: Problem| problem.to_string())?;
        let AdmittedClaim { from, to, devices, .. } = got;
        let again = Claim { from, to, server: case.server()?, created_at, nonce, devices };
        same("the claim signed again", &String::from_utf8_lossy(&again.sign(&key(seed)?)).into_owned(), &case.body)
    });
}

pub(crate) fn claims_invalid() {
    each("key_package_claim/invalid", |case: Case<Refused>| invalid(&case, case.claim()?.map(drop)));
}

fn invalid(case: &Case<Refused>, judged: Result<(), Problem>) -> Result<(), String> {
    let code = &case.expect.code;
    refused(judged, code)?;
    match (verify_envelope(case.body.as_bytes()), case.expect.envelope.as_deref()) {
        (Ok(_), Some("valid")) => Ok(()),
        (result, _) => refused(result, code).map(drop).map_err(|why| format!("verify_envelope: {why}")),
    }
}
