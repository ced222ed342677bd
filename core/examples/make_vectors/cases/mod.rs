//! Every case, as path below `vectors/` and text.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

mod by_device;
mod canonical;
mod chat_instance;
mod contact_request;
mod conversation_start;
mod envelope;
mod key_package_claim;
mod key_packages;
mod keys;
mod nats_login;
mod nkey;
mod order;
mod registration;
mod release;
mod sigchain;
mod signed;
mod webfinger;

/// The vectors that came with the protocol; the project's own stand beside them and must not take their names.
pub(crate) const GIVEN: [&str; 56] = [
    "registration/valid/members_reordered_and_spaced.json",
    "registration/valid/readme_example.json",
    "registration/valid/skew_exactly_300.json",
    "registration/invalid/alg_unknown.json",
    "registration/invalid/duplicate_member.json",
    "registration/invalid/extra_payload_member.json",
    "registration/invalid/handle_reserved.json",
    "registration/invalid/handle_too_short.json",
    "registration/invalid/handle_upper.json",
    "registration/invalid/key_mismatch.json",
    "registration/invalid/key_upper_case.json",
    "registration/invalid/missing_server.json",
    "registration/invalid/not_json.json",
    "registration/invalid/signature_of_other_payload.json",
    "registration/invalid/small_order_key_0.json",
    "registration/invalid/stale_301.json",
    "registration/invalid/time_with_offset.json",
    "registration/invalid/version_float.json",
    "registration/invalid/version_two.json",
    "registration/invalid/wrong_server.json",
    "registration/invalid/wrong_tag.json",
    "registration/invalid/wrong_type.json",
    "sigchain/valid/created_at_is_not_judged.json",
    "sigchain/valid/displaced_key_is_free_again.json",
    "sigchain/valid/fork_of_fork_window_from_the_fork.json",
    "sigchain/valid/full_lifecycle.json",
    "sigchain/valid/genesis_only.json",
    "sigchain/valid/nullified_revocation_revives_device.json",
    "sigchain/valid/recovery_fork.json",
    "sigchain/valid/spare_rotation_key_becomes_primary.json",
    "sigchain/valid/unlisted_by_device.json",
    "sigchain/invalid/claim_subject_254.json",
    "sigchain/invalid/critical_false_on_listed_type.json",
    "sigchain/invalid/device_becomes_primary.json",
    "sigchain/invalid/event_after_deactivate.json",
    "sigchain/invalid/event_named_receipt.json",
    "sigchain/invalid/extra_envelope_member.json",
    "sigchain/invalid/extra_payload_member.json",
    "sigchain/invalid/fork_over_higher_authority.json",
    "sigchain/invalid/fork_received_before_displaced.json",
    "sigchain/invalid/gap_in_seq.json",
    "sigchain/invalid/missing_body_member.json",
    "sigchain/invalid/missing_pop.json",
    "sigchain/invalid/prev_unknown.json",
    "sigchain/invalid/recovery_too_late.json",
    "sigchain/invalid/revoke_primary.json",
    "sigchain/invalid/rotate_to_same_primary.json",
    "sigchain/invalid/rotation_key_of_other_suite.json",
    "sigchain/invalid/same_event_twice.json",
    "sigchain/invalid/second_genesis.json",
    "sigchain/invalid/server_move_from_elsewhere.json",
    "sigchain/invalid/six_rotation_keys.json",
    "sigchain/invalid/tampered_body.json",
    "sigchain/invalid/unauthorised_signer.json",
    "sigchain/invalid/uppercase_sig_hex.json",
    "sigchain/invalid/version_two.json",
];

pub(crate) type Files = BTreeMap<String, String>;

/// What must come out, for example `{"code": "malformed_key"}`.
pub(crate) type Expect = BTreeMap<&'static str, Value>;

/// Every file that the project makes itself.
pub(crate) fn all() -> Files {
    let mut files = Files::new();
    registration::add_all(&mut files);
    order::add_all(&mut files);
    release::add_all(&mut files);
    sigchain::add_all(&mut files);
    envelope::add_all(&mut files);
    canonical::add_all(&mut files);
    keys::add_all(&mut files);
    webfinger::add_all(&mut files);
    nkey::add_all(&mut files);
    nats_login::add_all(&mut files);
    contact_request::add_all(&mut files);
    key_packages::add_all(&mut files);
    key_package_claim::add_all(&mut files);
    conversation_start::add_all(&mut files);
    chat_instance::add_all(&mut files);
    files
}

/// Adds one file; a name is used once.
pub(crate) fn put<T: Serialize>(files: &mut Files, folder: &str, name: &str, case: &T) {
    let path = format!("{folder}/{name}.json");
    let text = serde_json::to_string_pretty(case).expect("a case is plain JSON") + "\n";
    assert!(!GIVEN.contains(&path.as_str()), "{path} is given");
    assert!(files.insert(path.clone(), text).is_none(), "{path} is made twice");
}

pub(crate) fn code(code: &str) -> Expect {
    Expect::from([("code", code.into())])
}

/// `valid` or `invalid`, by what is expected.
pub(crate) fn verdict(expect: &Expect) -> &'static str {
    if expect.contains_key("code") { "invalid" } else { "valid" }
}
