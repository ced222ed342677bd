//! Runs every vector of `core/vectors` natively.
#![cfg(not(target_arch = "wasm32"))]

mod common;

#[test]
fn nothing_is_missing() {
    common::nothing_is_missing();
}

#[test]
fn registrations_valid() {
    common::registration::registrations_valid();
}

#[test]
fn registrations_invalid() {
    common::registration::registrations_invalid();
}

#[test]
fn releases_valid() {
    common::registration::releases_valid();
}

#[test]
fn releases_invalid() {
    common::registration::releases_invalid();
}

#[test]
fn envelopes_valid() {
    common::envelope::valid();
}

#[test]
fn envelopes_invalid() {
    common::envelope::invalid();
}

#[test]
fn canonical_valid() {
    common::canonical::valid();
}

#[test]
fn canonical_invalid() {
    common::canonical::invalid();
}

#[test]
fn keys_valid() {
    common::keys::valid();
}

#[test]
fn keys_invalid() {
    common::keys::invalid();
}

#[test]
fn webfinger_valid() {
    common::webfinger::valid();
}

#[test]
fn webfinger_invalid() {
    common::webfinger::invalid();
}

#[test]
fn nkeys_valid() {
    common::nkey::valid();
}

#[test]
fn nkeys_invalid() {
    common::nkey::invalid();
}

#[test]
fn nats_logins_valid() {
    common::nats_login::valid();
}

#[test]
fn nats_logins_invalid() {
    common::nats_login::invalid();
}

#[test]
fn contact_requests_valid() {
    common::contact_request::valid();
}

#[test]
fn contact_requests_invalid() {
    common::contact_request::invalid();
}

#[test]
fn key_packages_valid() {
    common::key_packages::uploads_valid();
}

#[test]
fn key_packages_invalid() {
    common::key_packages::uploads_invalid();
}

#[test]
fn key_package_claims_valid() {
    common::key_packages::claims_valid();
}

#[test]
fn key_package_claims_invalid() {
    common::key_packages::claims_invalid();
}

#[test]
fn conversation_starts_valid() {
    common::conversation_start::valid();
}

#[test]
fn conversation_starts_invalid() {
    common::conversation_start::invalid();
}

#[test]
fn chat_instances_valid() {
    common::chat_instance::valid();
}

#[test]
fn chat_instances_invalid() {
    common::chat_instance::invalid();
}

#[test]
fn sigchains_valid() {
    common::sigchain::valid();
}

#[test]
fn sigchains_invalid() {
    common::sigchain::invalid();
}

#[test]
fn every_reason_of_sigchains_is_covered() {
    common::sigchain::every_reason_is_covered();
}
