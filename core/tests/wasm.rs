//! Runs every vector of `core/vectors` in wasm32, where the browser runs this crate.
#![cfg(target_arch = "wasm32")]

mod common;

use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn registrations_valid() {
    common::registration::registrations_valid();
}

#[wasm_bindgen_test]
fn registrations_invalid() {
    common::registration::registrations_invalid();
}

#[wasm_bindgen_test]
fn releases_valid() {
    common::registration::releases_valid();
}

#[wasm_bindgen_test]
fn releases_invalid() {
    common::registration::releases_invalid();
}

#[wasm_bindgen_test]
fn envelopes_valid() {
    common::envelope::valid();
}

#[wasm_bindgen_test]
fn envelopes_invalid() {
    common::envelope::invalid();
}

#[wasm_bindgen_test]
fn canonical_valid() {
    common::canonical::valid();
}

#[wasm_bindgen_test]
fn canonical_invalid() {
    common::canonical::invalid();
}

#[wasm_bindgen_test]
fn keys_valid() {
    common::keys::valid();
}

#[wasm_bindgen_test]
fn keys_invalid() {
    common::keys::invalid();
}

#[wasm_bindgen_test]
fn webfinger_valid() {
    common::webfinger::valid();
}

#[wasm_bindgen_test]
fn webfinger_invalid() {
    common::webfinger::invalid();
}

#[wasm_bindgen_test]
fn nkeys_valid() {
    common::nkey::valid();
}

#[wasm_bindgen_test]
fn nkeys_invalid() {
    common::nkey::invalid();
}

#[wasm_bindgen_test]
fn nats_logins_valid() {
    common::nats_login::valid();
}

#[wasm_bindgen_test]
fn nats_logins_invalid() {
    common::nats_login::invalid();
}

#[wasm_bindgen_test]
fn contact_requests_valid() {
    common::contact_request::valid();
}

#[wasm_bindgen_test]
fn contact_requests_invalid() {
    common::contact_request::invalid();
}

#[wasm_bindgen_test]
fn key_packages_valid() {
    common::key_packages::uploads_valid();
}

#[wasm_bindgen_test]
fn key_packages_invalid() {
    common::key_packages::uploads_invalid();
}

#[wasm_bindgen_test]
fn key_package_claims_valid() {
    common::key_packages::claims_valid();
}

#[wasm_bindgen_test]
fn key_package_claims_invalid() {
    common::key_packages::claims_invalid();
}

#[wasm_bindgen_test]
fn conversation_starts_valid() {
    common::conversation_start::valid();
}

#[wasm_bindgen_test]
fn conversation_starts_invalid() {
    common::conversation_start::invalid();
}

#[wasm_bindgen_test]
fn chat_instances_valid() {
    common::chat_instance::valid();
}

#[wasm_bindgen_test]
fn chat_instances_invalid() {
    common::chat_instance::invalid();
}

#[wasm_bindgen_test]
fn sigchains_valid() {
    common::sigchain::valid();
}

#[wasm_bindgen_test]
fn sigchains_invalid() {
    common::sigchain::invalid();
}

#[wasm_bindgen_test]
fn every_reason_of_sigchains_is_covered() {
    common::sigchain::every_reason_is_covered();
}
