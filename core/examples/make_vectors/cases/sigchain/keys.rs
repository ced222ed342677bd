//! The chain's name, algorithms, keys, signatures and proofs.

use serde_json::{Value, json};

use super::{
    ATTACKER, DEVICE, IDENTITY, Log, NEXT, OTHER_DEVICE, RECOVERY, changed, claim, genesis, id, ids, moved, seal,
};
use crate::cases::Files;
use crate::cases::signed::with;
use crate::forge::{SchnorrSigner, Signer, jcs, key_id};

pub(crate) fn add_all(files: &mut Files) {
    names(files);
    keys(files);
    signatures(files);
    proofs(files);
}

fn names(files: &mut Files) {
    let log = Log::started();
    let payload = log.payload("server_move", moved("kez.lat", "b.example"));
    log.refuses(files, "event_of_other_chain", changed(payload.clone(), "/chain", json!(id(ATTACKER))), "wrong-chain");
    log.refuses(
        files,
        "chain_upper_case",
        changed(payload.clone(), "/chain", json!(id(IDENTITY).to_uppercase())),
        "wrong-chain",
    );
    let event = seal(payload, IDENTITY);
    for (name, alg) in
        [("alg_none", "none"), ("alg_of_other_suite", "schnorr-sha256-jcs"), ("alg_upper_case", "ED25519-SHA512-JCS")]
    {
        log.refuses(files, name, with(event.clone(), "/signature/alg", json!(alg)), "bad-alg");
    }
    let rotation = log.rotation_after(1, NEXT, &[RECOVERY, NEXT]);
    let lists = [("rotation_keys_empty", vec![]), ("rotation_key_twice", ids(&[RECOVERY, NEXT, RECOVERY]))];
    for (name, list) in lists {
        let body = with(rotation.clone(), "/rotation_keys", json!(list));
        log.refuses(files, name, seal(log.payload("rotate_primary", body), RECOVERY), "bad-rotation-keys");
    }
    let body = with(rotation, "/rotation_keys", json!(ids(&[1, 2, 3, 4, 5, 6])));
    log.refuses(
        files,
        "six_rotation_keys_in_rotation",
        seal(log.payload("rotate_primary", body), RECOVERY),
        "bad-rotation-keys",
    );
}

fn keys(files: &mut Files) {
    let log = Log::with_device();
    let bad = |files: &mut Files, name: &str, event: Value| log.refuses(files, name, event, "bad-key-encoding");
    let event = seal(log.payload("claim_add", claim("a.example")), IDENTITY);
    bad(files, "signer_upper_case", with(event.clone(), "/signature/key", json!(id(IDENTITY).to_uppercase())));
    bad(files, "signer_of_small_order", with(event.clone(), "/signature/key", json!(key_id(&[0; 32]))));
    bad(files, "signer_of_other_suite", with(event, "/signature/key", json!(SchnorrSigner::of(IDENTITY).id())));
    let device = |member: &str, value: Value| {
        let body = with(log.device(OTHER_DEVICE), &format!("/{member}"), value);
        seal(log.payload("add_device_key", body), IDENTITY)
    };
    bad(files, "device_key_of_small_order", device("key", json!(key_id(&[0; 32]))));
    bad(files, "device_key_with_torsion", device("key", json!(key_id(&Signer::of(OTHER_DEVICE).with_torsion(1)))));
    bad(files, "device_key_hex_only", device("key", json!(const_hex::encode(Signer::of(OTHER_DEVICE).public))));
    bad(files, "enc_key_under_other_suite", device("enc_key", json!(id(OTHER_DEVICE))));
    bad(files, "enc_key_upper_case", device("enc_key", json!(format!("x25519:{}", "A".repeat(64)))));
    bad(files, "enc_key_too_short", device("enc_key", json!("x25519:aa")));
    let revoked = json!({ "key": "ed25519:", "reason": "lost" });
    bad(files, "revoked_key_misspelt", seal(log.payload("revoke_key", revoked), IDENTITY));
    let body = with(log.rotation_after(2, NEXT, &[NEXT]), "/primary", json!("NEXT"));
    bad(files, "new_primary_misspelt", seal(log.payload("rotate_primary", body), IDENTITY));
    let body = with(genesis(&[IDENTITY]), "/rotation_keys", json!([id(IDENTITY), key_id(&[0; 32])]));
    let event = seal(Log::empty().payload("genesis", body), IDENTITY);
    Log::empty().refuses(files, "genesis_rotation_key_of_small_order", event, "bad-key-encoding");
}

fn signatures(files: &mut Files) {
    let log = Log::with_device();
    let payload = log.payload("claim_add", claim("a.example"));
    let (text, signer) = (jcs(&payload), Signer::of(IDENTITY));
    let event = seal(payload, IDENTITY);
    let sig = |value: String| with(event.clone(), "/signature/sig", json!(value));
    log.refuses(files, "sig_127_digits", sig("0".repeat(127)), "bad-sig-encoding");
    log.refuses(files, "sig_not_hex", sig("g".repeat(128)), "bad-sig-encoding");
    log.refuses(files, "sig_s_plus_l", sig(signer.sign_with_large_s(&text)), "non-canonical-s");
    let mut identity = [0; 32];
    identity[0] = 1;
    log.refuses(files, "sig_r_of_small_order", sig(signer.sign_with_identity_r(&identity, &text)), "bad-signature");
    log.refuses(files, "sig_r_with_torsion", sig(signer.sign_with_torsion_in_r(&text)), "bad-signature");
    log.refuses(files, "sig_by_other_key", sig(Signer::of(RECOVERY).sign(&text)), "bad-signature");
    let release = json!({
        "type": "kez.chat.handle_release", "version": 1, "handle": "tudisco", "primary": id(IDENTITY),
        "server": "kez.lat", "created_at": "2026-05-25T03:00:00Z",
    });
    log.refuses(files, "sig_of_release", sig(signer.sign(&jcs(&release))), "bad-signature");
    let tampered = with(event.clone(), "/payload/body/claim/subject", json!("evil.example"));
    log.refuses(files, "tampered_claim", tampered, "bad-signature");
}

fn proofs(files: &mut Files) {
    let log = Log::with_device();
    let add = |body: Value| seal(log.payload("add_device_key", body), IDENTITY);
    let other = log.device(OTHER_DEVICE);
    let pop = |value: String| add(with(other.clone(), "/pop", json!(value)));
    let message = jcs(&log.possession(2, &id(OTHER_DEVICE), "device"));
    let signed = |message: &Value| Signer::of(OTHER_DEVICE).sign(&jcs(message));
    let possession = log.possession(2, &id(OTHER_DEVICE), "device");
    log.refuses(files, "pop_upper_case", pop(signed(&possession).to_uppercase()), "bad-sig-encoding");
    log.refuses(files, "pop_s_plus_l", pop(Signer::of(OTHER_DEVICE).sign_with_large_s(&message)), "non-canonical-s");
    let bad = |files: &mut Files, name: &str, event: Value| log.refuses(files, name, event, "bad-possession-proof");
    bad(files, "pop_by_other_key", pop(Signer::of(ATTACKER).sign(&message)));
    bad(files, "pop_for_other_role", pop(log.pop_after(2, OTHER_DEVICE, "primary")));
    bad(files, "pop_for_other_seq", pop(signed(&with(possession.clone(), "/seq", json!(4)))));
    bad(files, "pop_for_other_prev", pop(signed(&with(possession.clone(), "/prev", json!(log.id_at(1))))));
    bad(files, "pop_for_other_chain", pop(signed(&with(possession.clone(), "/chain", json!(id(ATTACKER))))));
    bad(files, "pop_for_other_key", pop(signed(&with(possession.clone(), "/key", json!(id(DEVICE))))));
    bad(files, "pop_with_version_2", pop(signed(&with(possession.clone(), "/version", json!(2)))));
    let enc_key = json!(format!("x25519:{}", "a".repeat(64)));
    bad(files, "pop_without_enc_key_of_event", add(with(other.clone(), "/enc_key", enc_key.clone())));
    bad(
        files,
        "pop_with_enc_key_that_event_lacks",
        pop(signed(&with(possession.clone(), "/enc_key", enc_key.clone()))),
    );
    let exchanged = signed(&with(possession, "/enc_key", json!(format!("x25519:{}", "b".repeat(64)))));
    bad(files, "pop_with_other_enc_key", add(with(with(other, "/enc_key", enc_key), "/pop", json!(exchanged))));

    let rotation = with(log.rotation_after(2, NEXT, &[NEXT]), "/pop", json!(log.pop_after(2, NEXT, "device")));
    bad(files, "pop_of_primary_for_device", seal(log.payload("rotate_primary", rotation), IDENTITY));
    let spare = json!({ "primary": id(RECOVERY), "rotation_keys": ids(&[RECOVERY]), "pop": "0".repeat(128) });
    bad(files, "pop_of_spare_rotation_key_missing", seal(log.payload("rotate_primary", spare), IDENTITY));

    let displaced = Log::started().device(DEVICE);
    let log = Log::with_device().rotated_after(1, RECOVERY, NEXT, &[RECOVERY, NEXT]);
    log.refuses_because(
        files,
        "pop_replayed_after_recovery",
        "the proof of a displaced event is good for its old place only",
        seal(log.payload("add_device_key", displaced), NEXT),
        "bad-possession-proof",
    );
}
