//! Logs that verify, and what they come to.

use serde_json::{Value, json};

use super::{ATTACKER, DEVICE, FURTHER, IDENTITY, Log, NEXT, OTHER_DEVICE, RECOVERY, claim, id, ids, moved, seal};
use crate::cases::Files;
use crate::cases::signed::with;

pub(crate) fn add_all(files: &mut Files) {
    recoveries(files);
    deactivations(files);
    texts(files);
    devices(files);
    unlisted(files);
    keys(files);
}

/// What the usual genesis comes to.
pub(crate) fn state() -> Value {
    json!({
        "primary": id(IDENTITY), "rotation_keys": ids(&[RECOVERY, IDENTITY]), "devices": {}, "claims": {},
        "revoked": {}, "server": "kez.lat", "active": true,
    })
}

/// What [`state`] comes to when `primary` takes over with these keys by event number `seq`, and the identity is dropped.
fn rotated(seq: usize, primary: u8, rotation_keys: &[u8]) -> Value {
    let state = with(with(state(), "/primary", json!(id(primary))), "/rotation_keys", json!(ids(rotation_keys)));
    with(state, &format!("/revoked/{}", id(IDENTITY)), json!({ "seq": seq, "reason": "rotated" }))
}

fn recoveries(files: &mut Files) {
    let stolen = Log::started().rotated_after(1, IDENTITY, ATTACKER, &[ATTACKER]);
    let fork = stolen.rotation_event(1, RECOVERY, NEXT, &[RECOVERY, NEXT]);
    let recovered = rotated(2, NEXT, &[RECOVERY, NEXT]);
    let log = stolen.clone().accept_at(fork, "2026-05-28T04:00:00Z");
    log.gives(files, "fork_exactly_72_hours_later", "the window includes its last second", recovered.clone());

    let body = stolen.device(OTHER_DEVICE);
    let log = stolen
        .and(ATTACKER, "add_device_key", body)
        .and(OTHER_DEVICE, "claim_add", claim("evil.example"))
        .and(ATTACKER, "server_move", moved("kez.lat", "evil.example"))
        .rotated_after(1, RECOVERY, NEXT, &[RECOVERY, NEXT]);
    log.gives(files, "fork_displaces_everything_the_thief_did", "", recovered);

    let log = Log::with(&[RECOVERY, FURTHER, IDENTITY])
        .and(IDENTITY, "claim_add", claim("a.example"))
        .rotated_after(2, IDENTITY, ATTACKER, &[ATTACKER])
        .rotated_after(2, FURTHER, NEXT, &[FURTHER, NEXT])
        .and(NEXT, "claim_add", claim("b.example"))
        .rotated_after(1, RECOVERY, OTHER_DEVICE, &[RECOVERY, OTHER_DEVICE]);
    let state = with(rotated(2, OTHER_DEVICE, &[RECOVERY, OTHER_DEVICE]), "/revoked", {
        json!({ (id(IDENTITY)): { "seq": 2, "reason": "rotated" }, (id(FURTHER)): { "seq": 2, "reason": "rotated" } })
    });
    log.gives(
        files,
        "fork_of_fork_deeper",
        "the second fork goes further back, and outranks the first one's signer",
        state,
    );
}

fn deactivations(files: &mut Files) {
    let log = Log::started().and(IDENTITY, "deactivate", json!({ "reason": "moving on" }));
    log.gives(files, "deactivated", "", with(state(), "/active", json!(false)));
    let log = log.rotated_after(1, RECOVERY, NEXT, &[RECOVERY, NEXT]);
    let log = log.and(NEXT, "server_move", moved("kez.lat", "b.example:8080"));
    let state = with(rotated(2, NEXT, &[RECOVERY, NEXT]), "/server", json!("b.example:8080"));
    log.gives(files, "deactivate_undone", "a recovery is the one event that a deactivated chain takes", state);
}

fn texts(files: &mut Files) {
    let claim = |n: [usize; 3]| {
        let text = n.map(|n| "é".repeat(n));
        json!({ "type": text[0], "subject": text[1], "proof": text[2] })
    };
    let (longest, shortest) = (claim([32, 253, 2_048]), claim([1; 3]));
    let log = Log::started().and(IDENTITY, "claim_add", json!({ "claim": longest })).and(
        IDENTITY,
        "claim_add",
        json!({ "claim": shortest }),
    );
    let claims = json!({ (log.id_at(2)): longest, (log.id_at(3)): shortest });
    log.gives(
        files,
        "claim_texts_of_full_length",
        "characters are counted, not bytes; one is enough",
        with(state(), "/claims", claims),
    );
}

fn devices(files: &mut Files) {
    let log = Log::with_device().and(DEVICE, "revoke_key", json!({ "key": id(DEVICE), "reason": "retired" }));
    let revoked = json!({ (id(DEVICE)): { "seq": 3, "reason": "retired" } });
    log.gives(files, "device_revokes_itself", "", with(state(), "/revoked", revoked));

    let event = seal(Log::with_device().payload("claim_add", claim("a.example")), DEVICE);
    let log = Log::with_device().accept_at(event, "2026-05-25T04:00:00Z");
    let state = with(state(), "/devices", json!({ (id(DEVICE)): { "added_seq": 2 } }));
    let claims = json!({ (log.id_at(3)): claim("a.example")["claim"] });
    log.gives(files, "received_in_the_same_second", "", with(state, "/claims", claims));
}

fn unlisted(files: &mut Files) {
    let log = Log::started();
    // The event is level 1, its payload 2, its body 3: the innermost list is level 16.
    let nested = (0..12).fold(json!([]), |inner, _| json!([inner]));
    let body = json!({ "a": null, "b": [true, -5, "text"], "c": nested, "kez.sigchain": {} });
    let event = seal(with(log.payload("future", body), "/critical", json!(false)), RECOVERY);
    let log = log.accept(event).and(IDENTITY, "server_move", moved("kez.lat", "b.example"));
    let state = with(state(), "/server", json!("b.example"));
    log.gives(files, "unlisted_changes_nothing", "any body within the limits of JSON, 16 levels deep", state);
}

fn keys(files: &mut Files) {
    let log = Log::with(&[RECOVERY, FURTHER, IDENTITY]).rotated_after(1, IDENTITY, NEXT, &[NEXT, IDENTITY, RECOVERY]);
    let revoked = json!({ (id(FURTHER)): { "seq": 2, "reason": "rotated" } });
    let state = with(rotated(2, NEXT, &[NEXT, IDENTITY, RECOVERY]), "/revoked", revoked);
    log.gives(files, "old_primary_stays_rotation_key", "a rotation may also reorder the list", state);

    let log = Log::with(&[11, 12, 13, 14, IDENTITY]);
    log.gives(
        files,
        "five_rotation_keys",
        "",
        with(super::valid::state(), "/rotation_keys", json!(ids(&[11, 12, 13, 14, IDENTITY]))),
    );
}
