//! Who may do what, and with which keys and claims.

use serde_json::{Value, json};

use super::{
    ATTACKER, DEVICE, FURTHER, IDENTITY, Log, NEXT, OTHER_DEVICE, RECOVERY, claim, genesis, id, ids, moved, seal,
};
use crate::cases::Files;
use crate::cases::signed::with;

pub(crate) fn add_all(files: &mut Files) {
    unlisted(files);
    deactivated(files);
    revoked(files);
    not_authorised(files);
    bodies(files);
    reuse(files);
}

fn unlisted(files: &mut Files) {
    let log = Log::started();
    let event = log.payload("note", json!({ "text": "hi" }));
    log.refuses(files, "unlisted_without_critical", seal(event.clone(), IDENTITY), "unknown-critical-type");
    let critical = seal(with(event, "/critical", json!(true)), IDENTITY);
    log.refuses(files, "unlisted_and_critical", critical, "unknown-critical-type");
}

fn deactivated(files: &mut Files) {
    let log = Log::with_device().and(IDENTITY, "deactivate", json!({}));
    let refuse = |files: &mut Files, name: &str, event| log.refuses(files, name, event, "deactivated");
    refuse(files, "claim_after_deactivate", seal(log.payload("claim_add", claim("a.example")), DEVICE));
    refuse(files, "rotation_on_top_of_deactivate", log.rotation_event(3, RECOVERY, NEXT, &[RECOVERY, NEXT]));
    refuse(files, "deactivate_twice", seal(log.payload("deactivate", json!({})), IDENTITY));
    let note = with(log.payload("note", json!({})), "/critical", json!(false));
    refuse(files, "unlisted_after_deactivate", seal(note, IDENTITY));
}

fn revoked(files: &mut Files) {
    let log = Log::with_device()
        .and(IDENTITY, "revoke_key", json!({ "key": id(DEVICE), "reason": "compromised" }))
        .rotated_after(3, RECOVERY, NEXT, &[RECOVERY, NEXT]);
    let refuse = |files: &mut Files, name: &str, event| log.refuses(files, name, event, "key-revoked");
    refuse(files, "claim_by_revoked_device", seal(log.payload("claim_add", claim("a.example")), DEVICE));
    let note = with(log.payload("note", json!({})), "/critical", json!(false));
    refuse(files, "unlisted_by_revoked_device", seal(note, DEVICE));
    refuse(files, "claim_by_old_primary", seal(log.payload("claim_add", claim("a.example")), IDENTITY));
    refuse(files, "rotation_by_old_primary", log.rotation_event(4, IDENTITY, FURTHER, &[FURTHER]));
}

fn not_authorised(files: &mut Files) {
    let log = Log::with_device();
    let body = log.device(OTHER_DEVICE);
    let log = log.and(IDENTITY, "add_device_key", body);
    let refuse = |files: &mut Files, name: &str, payload, signer| {
        log.refuses(files, name, seal(payload, signer), "key-not-authorised");
    };
    refuse(files, "device_by_device", log.payload("add_device_key", log.device(FURTHER)), DEVICE);
    let revocation = |key: u8| log.payload("revoke_key", json!({ "key": id(key), "reason": "lost" }));
    refuse(files, "device_revokes_other_device", revocation(OTHER_DEVICE), DEVICE);
    refuse(files, "stranger_revokes_itself", revocation(ATTACKER), ATTACKER);
    refuse(files, "move_by_device", log.payload("server_move", moved("kez.lat", "b.example")), DEVICE);
    refuse(files, "deactivate_by_device", log.payload("deactivate", json!({})), DEVICE);
    refuse(files, "claim_by_stranger", log.payload("claim_add", claim("a.example")), ATTACKER);
    let note = with(log.payload("note", json!({})), "/critical", json!(false));
    refuse(files, "unlisted_by_stranger", note, ATTACKER);
    let rotation = log.rotation_after(3, NEXT, &[NEXT]);
    refuse(files, "rotation_by_device", log.payload("rotate_primary", rotation), DEVICE);
}

fn bodies(files: &mut Files) {
    let empty = Log::empty();
    let first = |body: Value, signer| seal(empty.payload("genesis", body), signer);
    let both = genesis(&[RECOVERY, IDENTITY]);
    empty.refuses(files, "genesis_by_recovery_key", first(both.clone(), RECOVERY), "genesis-not-self-signed");
    let other = with(both, "/primary", json!(id(RECOVERY)));
    empty.refuses(files, "genesis_with_other_primary", first(other, IDENTITY), "genesis-not-self-signed");
    empty.refuses(
        files,
        "genesis_primary_not_listed",
        first(genesis(&[RECOVERY]), IDENTITY),
        "primary-not-in-rotation-keys",
    );

    let log = Log::with_device();
    let rotation = log.rotation_event(2, IDENTITY, NEXT, &[RECOVERY]);
    log.refuses(files, "new_primary_not_listed", rotation, "primary-not-in-rotation-keys");
    let revocation =
        |log: &Log, key: u8| seal(log.payload("revoke_key", json!({ "key": id(key), "reason": "lost" })), IDENTITY);
    log.refuses(files, "revoke_stranger", revocation(&log, ATTACKER), "unknown-key");
    log.refuses(files, "revoke_rotation_key", revocation(&log, RECOVERY), "unknown-key");
    let event = revocation(&log, DEVICE);
    let log = log.accept(event);
    log.refuses(files, "revoke_twice", revocation(&log, DEVICE), "unknown-key");

    let log = Log::started().and(IDENTITY, "claim_add", claim("a.example"));
    let remove = |log: &Log, seq: usize| json!({ "claim": log.id_at(seq) });
    let genesis_id = seal(log.payload("claim_remove", remove(&log, 1)), IDENTITY);
    log.refuses(files, "remove_what_is_no_claim", genesis_id, "unknown-claim");
    let body = remove(&log, 2);
    let log = log.and(IDENTITY, "claim_remove", body.clone());
    log.refuses(
        files,
        "remove_claim_twice",
        seal(log.payload("claim_remove", body.clone()), IDENTITY),
        "unknown-claim",
    );
    let log = log.rotated_after(1, RECOVERY, NEXT, &[RECOVERY, NEXT]);
    log.refuses(files, "remove_displaced_claim", seal(log.payload("claim_remove", body), NEXT), "unknown-claim");

    let log = Log::started().and(IDENTITY, "server_move", moved("kez.lat", "b.example"));
    let back = seal(log.payload("server_move", moved("kez.lat", "c.example")), IDENTITY);
    log.refuses(files, "server_move_from_former_server", back, "wrong-server");
}

fn reuse(files: &mut Files) {
    let log = Log::with_device();
    let refuse = |files: &mut Files, log: &Log, name: &str, event: Value| log.refuses(files, name, event, "key-reuse");
    let device = |log: &Log, seed: u8| seal(log.payload("add_device_key", log.device(seed)), IDENTITY);
    refuse(files, &log, "device_added_twice", device(&log, DEVICE));
    refuse(files, &log, "rotation_key_as_device", device(&log, RECOVERY));
    refuse(files, &log, "primary_as_device", device(&log, IDENTITY));
    let body = with(log.rotation_after(2, NEXT, &[NEXT]), "/rotation_keys", json!(ids(&[DEVICE, NEXT])));
    refuse(files, &log, "device_as_rotation_key", seal(log.payload("rotate_primary", body), IDENTITY));

    let log = log.and(IDENTITY, "revoke_key", json!({ "key": id(DEVICE), "reason": "retired" }));
    refuse(files, &log, "revoked_device_added_again", device(&log, DEVICE));
    let rotation = log.rotation_event(3, IDENTITY, NEXT, &[DEVICE, NEXT]);
    refuse(files, &log, "revoked_device_as_rotation_key", rotation);

    let log = Log::started().rotated_after(1, RECOVERY, NEXT, &[RECOVERY, NEXT]);
    let rotation = |primary, keys: &[u8]| log.rotation_event(2, RECOVERY, primary, keys);
    refuse(files, &log, "old_primary_returns", rotation(IDENTITY, &[RECOVERY, IDENTITY]));
    refuse(files, &log, "dropped_key_as_rotation_key", rotation(FURTHER, &[RECOVERY, FURTHER, IDENTITY]));
    let body = log.device(IDENTITY);
    refuse(files, &log, "dropped_key_as_device", seal(log.payload("add_device_key", body), RECOVERY));
}
