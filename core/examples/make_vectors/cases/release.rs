//! Releases: what differs from a registration.

use serde_json::{Value, json};

use super::signed::{ATTACKER, Kind, NOW, accepted, accepted_with_seed, add, only_here, with};
use super::{Files, code};
use crate::forge::{Signer, jcs};

const KIND: Kind = Kind::Release;

pub(crate) fn add_all(files: &mut Files) {
    let changed = |name: &str, value: Value| KIND.seal(with(KIND.payload(), &format!("/{name}"), value));
    let envelope = KIND.seal(KIND.payload());
    add(files, KIND, "plain", jcs(&envelope), accepted_with_seed(&envelope));
    let reserved = changed("handle", json!("admin"));
    add(files, KIND, "handle_reserved_since", jcs(&reserved), accepted_with_seed(&reserved));
    let early = changed("created_at", json!("2026-05-25T02:55:00Z"));
    add(files, KIND, "skew_exactly_300", jcs(&early), accepted_with_seed(&early));
    let server = changed("server", json!("KEZ.LAT"));
    add(files, KIND, "server_in_other_case", jcs(&server), accepted(&server));

    let registration = Kind::Registration.seal(Kind::Registration.payload());
    let sent = jcs(&registration);
    add(files, KIND, "registration_sent_to_release", sent, only_here("malformed_envelope"));
    let other_sig = with(envelope.clone(), "/signature/sig", registration["signature"]["sig"].clone());
    let attacker = Signer::of(ATTACKER);
    for (name, envelope, why) in [
        (
            "registration_under_tag_of_release",
            with(registration, "/kez", json!("handle_release")),
            "malformed_envelope",
        ),
        ("tag_of_registration", with(envelope.clone(), "/kez", json!("handle_registration")), "malformed_envelope"),
        ("extra_payload_member", changed("released_at", json!(NOW)), "malformed_envelope"),
        ("missing_created_at", changed("created_at", Value::Null), "malformed_envelope"),
        ("version_two", changed("version", json!(2)), "malformed_envelope"),
        ("alg_unknown", with(envelope.clone(), "/signature/alg", json!("none")), "unsupported_alg"),
        ("primary_is_another", changed("primary", json!(attacker.id())), "key_mismatch"),
        ("signature_of_registration", other_sig, "bad_signature"),
        ("wrong_server", changed("server", json!("evil.example")), "wrong_server"),
        ("handle_upper", changed("handle", json!("Tudisco")), "invalid_handle"),
        ("stale_301", changed("created_at", json!("2026-05-25T02:54:59Z")), "stale_timestamp"),
    ] {
        add(files, KIND, name, jcs(&envelope), code(why));
    }
}
