//! Where an event stands: times, duplicates, the genesis, the event before, the number.

use serde_json::{Value, json};

use super::{IDENTITY, Log, NEXT, RECOVERY, changed, claim, genesis, moved, seal};
use crate::cases::Files;
use crate::cases::signed::with;

pub(crate) fn add_all(files: &mut Files) {
    times(files);
    beginnings(files);
    links(files);
}

fn times(files: &mut Files) {
    let log = Log::started();
    let event = seal(log.payload("claim_add", claim("a.example")), IDENTITY);
    for (name, received_at) in [
        ("received_a_second_before_the_last", json!("2026-05-25T02:59:59Z")),
        ("received_at_is_number", json!(1_779_681_600)),
        ("received_at_with_fraction", json!("2026-05-25T04:00:00.5Z")),
    ] {
        let entry = json!({ "event": event, "received_at": received_at });
        log.refuses_entry(files, name, "", entry, "bad-received-at");
    }
    log.refuses_entry(files, "received_at_missing", "", json!({ "event": event }), "bad-received-at");
}

fn beginnings(files: &mut Files) {
    let empty = Log::empty();
    empty.is_refused(files, "empty_log", "bad-genesis");
    let first = |pointer: &str, value: Value| changed(empty.payload("genesis", genesis(&[IDENTITY])), pointer, value);
    empty.refuses(
        files,
        "first_is_no_genesis",
        seal(empty.payload("server_move", moved("kez.lat", "b.example")), IDENTITY),
        "bad-genesis",
    );
    empty.refuses(files, "genesis_with_seq_2", first("/seq", json!(2)), "bad-genesis");
    let prev = format!("sha256:{}", "0".repeat(64));
    empty.refuses(files, "genesis_with_prev", first("/prev", json!(prev)), "bad-genesis");

    let log = Log::started();
    let second = seal(log.payload("genesis", genesis(&[IDENTITY])), IDENTITY);
    log.refuses(files, "second_genesis_behind_the_first", second, "second-genesis");
}

fn links(files: &mut Files) {
    let log = Log::started();
    let event = |log: &Log, pointer: &str, value: Value| {
        seal(with(log.payload("claim_add", claim("a.example")), pointer, value), IDENTITY)
    };
    let mut without_prev = log.payload("claim_add", claim("a.example"));
    without_prev["prev"] = Value::Null;
    log.refuses(files, "prev_null_behind_genesis", seal(without_prev, IDENTITY), "stale-prev");
    log.refuses(files, "seq_not_counted_up", event(&log, "/seq", json!(1)), "bad-seq");
    log.refuses(files, "seq_zero", event(&log, "/seq", json!(0)), "bad-seq");
    log.refuses(files, "seq_negative", event(&log, "/seq", json!(-1)), "bad-seq");

    let log = log.and(IDENTITY, "claim_add", claim("b.example"));
    let mut fork = log.payload_after(1, "rotate_primary", log.rotation_after(1, NEXT, &[RECOVERY, NEXT]));
    fork["seq"] = json!(3);
    log.refuses(files, "seq_of_fork_behind_head", seal(fork, RECOVERY), "bad-seq");

    let displaced = log.id_at(2).to_owned();
    let event_twice = seal(Log::started().payload("claim_add", claim("b.example")), IDENTITY);
    let log = log.rotated_after(1, RECOVERY, NEXT, &[RECOVERY, NEXT]);
    let behind = with(with(log.payload("claim_add", claim("c.example")), "/prev", json!(displaced)), "/seq", json!(3));
    log.refuses(files, "prev_is_displaced", seal(behind, NEXT), "stale-prev");
    log.refuses_because(
        files,
        "displaced_event_again",
        "whoever displaced it is safe from it for ever",
        event_twice,
        "duplicate",
    );
}
