//! Recovery forks that are refused.

use serde_json::json;

use super::{ATTACKER, DEVICE, FURTHER, IDENTITY, Log, NEXT, OTHER_DEVICE, RECOVERY, claim, moved, seal};
use crate::cases::Files;
use crate::cases::signed::with;

pub(crate) fn add_all(files: &mut Files) {
    kinds(files);
    signers(files);
    windows(files);
}

/// The thief took the identity key and rotated everybody else away.
fn stolen() -> Log {
    Log::started().rotated_after(1, IDENTITY, ATTACKER, &[ATTACKER])
}

fn kinds(files: &mut Files) {
    let log = stolen();
    let not =
        |files: &mut Files, name: &str, payload| log.refuses(files, name, seal(payload, RECOVERY), "fork-not-rotation");
    not(files, "fork_by_server_move", log.payload_after(1, "server_move", moved("kez.lat", "b.example")));
    not(files, "fork_by_claim", log.payload_after(1, "claim_add", claim("a.example")));
    not(files, "fork_by_deactivation", log.payload_after(1, "deactivate", json!({})));
    let unlisted = with(log.payload_after(1, "note", json!({})), "/critical", json!(false));
    not(files, "fork_by_unlisted", unlisted);
    not(files, "fork_by_unknown_critical", log.payload_after(1, "note", json!({})));
}

fn signers(files: &mut Files) {
    let log = Log::with_device().and(DEVICE, "claim_add", claim("a.example"));
    let fork = log.rotation_event(2, DEVICE, NEXT, &[NEXT]);
    log.refuses(files, "fork_by_device", fork, "key-not-authorised");
    let fork = log.rotation_event(2, ATTACKER, NEXT, &[NEXT]);
    log.refuses(files, "fork_by_stranger", fork, "key-not-authorised");

    let log = Log::started()
        .and(IDENTITY, "claim_add", claim("a.example"))
        .rotated_after(2, IDENTITY, NEXT, &[FURTHER, RECOVERY, NEXT])
        .and(NEXT, "claim_add", claim("b.example"));
    log.refuses_because(
        files,
        "fork_by_later_rotation_key",
        "what counts is the list at the ancestor",
        log.rotation_event(1, FURTHER, OTHER_DEVICE, &[OTHER_DEVICE]),
        "key-not-authorised",
    );

    let log = stolen();
    let fork = log.rotation_event(1, IDENTITY, NEXT, &[RECOVERY, NEXT]);
    log.refuses_because(
        files,
        "fork_over_equal_authority",
        "one cannot outrank oneself",
        fork,
        "insufficient-authority",
    );

    let log = Log::with(&[RECOVERY, FURTHER, IDENTITY])
        .rotated_after(1, IDENTITY, ATTACKER, &[ATTACKER])
        .rotated_after(1, RECOVERY, NEXT, &[RECOVERY, NEXT]);
    let fork = log.rotation_event(1, FURTHER, OTHER_DEVICE, &[FURTHER, OTHER_DEVICE]);
    log.refuses_because(
        files,
        "fork_of_fork_by_lower_authority",
        "what the recovery key did is displaced by nobody below it",
        fork,
        "insufficient-authority",
    );
}

fn windows(files: &mut Files) {
    let log =
        Log::started().and(IDENTITY, "claim_add", claim("a.example")).rotated_after(2, IDENTITY, ATTACKER, &[ATTACKER]);
    log.refuses_entry(
        files,
        "window_runs_from_the_first_displaced",
        "72 hours and a second after the claim, within 72 hours of the rotation",
        json!({ "event": log.rotation_event(1, RECOVERY, NEXT, &[RECOVERY, NEXT]), "received_at": "2026-05-28T04:00:01Z" }),
        "recovery-window-closed",
    );
}
