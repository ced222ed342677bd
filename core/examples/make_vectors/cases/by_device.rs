//! Envelopes that a device signs for an identity that they name, as the home server judges them before it asks its database:
//! the faults that every such type can have, one each.

use serde_json::{Value, json};

use super::signed::{ATTACKER, IDENTITY, NOW, only_here, with};
use super::{Expect, Files, code, put, verdict};
use crate::forge::{SchnorrSigner, Signer, jcs, key_id, sha256_id, small_order_keys};

/// The device that signs.
pub(super) const DEVICE: u8 = 3;

/// What arrived, and when and where.
#[derive(serde::Serialize)]
struct Case<'a> {
    now: &'a str,
    server: &'a str,
    body: String,
    expect: Expect,
}

/// One type.
pub(super) struct Kind {
    pub(super) tag: &'static str,
    /// The member that names the identity.
    pub(super) identity: &'static str,
    /// A good payload.
    pub(super) payload: Value,
}

impl Kind {
    pub(super) fn sealed(&self) -> Value {
        self.seal(&self.payload)
    }

    /// Signed with one member changed.
    pub(super) fn changed(&self, name: &str, value: Value) -> Value {
        let mut payload = self.payload.clone();
        payload[name] = value;
        self.seal(&payload)
    }

    pub(super) fn add(&self, files: &mut Files, name: &str, body: String, expect: Expect) {
        self.add_at(files, name, NOW, body, expect);
    }

    pub(super) fn accept(&self, files: &mut Files, name: &str, envelope: &Value) {
        self.add(files, name, jcs(envelope), with_seed(accepted(envelope)));
    }

    /// Adds each of these as one that is not of the type's form.
    pub(super) fn malformed<const N: usize>(&self, files: &mut Files, envelopes: [(&str, Value); N]) {
        for (name, envelope) in envelopes {
            self.add(files, name, jcs(&envelope), code("malformed_envelope"));
        }
    }

    /// Everything that is not of this type alone.
    pub(super) fn add_all(&self, files: &mut Files) {
        self.valid(files);
        self.shape(files);
        self.keys(files);
        self.signatures(files);
        self.context(files);
    }

    fn seal(&self, payload: &Value) -> Value {
        Signer::of(DEVICE).seal(self.tag, payload)
    }

    fn add_at(&self, files: &mut Files, name: &str, now: &str, body: String, expect: Expect) {
        let folder = format!("{}/{}", self.tag, verdict(&expect));
        put(files, &folder, name, &Case { now, server: "kez.lat", body, expect });
    }

    fn valid(&self, files: &mut Files) {
        let envelope = self.sealed();
        let spaced = serde_json::to_string_pretty(&envelope).expect("a value has a text");
        self.add(files, "members_spaced", spaced, accepted(&envelope));
        let by_itself = Signer::of(IDENTITY).seal(self.tag, &self.payload);
        self.add(files, "signed_by_the_chain_key", jcs(&by_itself), accepted(&by_itself));
        let other_case = self.changed("server", json!("KEZ.lat"));
        self.add(files, "server_in_other_case", jcs(&other_case), accepted(&other_case));
        let times = [("skew_exactly_300", "2026-05-25T03:05:00Z"), ("300_seconds_ahead", "2026-05-25T02:55:00Z")];
        for (name, now) in times {
            self.add_at(files, name, now, jcs(&envelope), accepted(&envelope));
        }
    }

    fn shape(&self, files: &mut Files) {
        let body = jcs(&self.sealed());
        for (name, text) in [
            ("empty_body", String::new()),
            ("json_truncated", body[..body.len() - 1].to_owned()),
            ("json_trailing_document", format!("{body}{{}}")),
            ("json_duplicate_member", body.replace("\"version\":1", "\"version\":1,\"version\":1")),
        ] {
            self.add(files, name, text, code("malformed_json"));
        }
        for name in self.payload.as_object().expect("a payload is an object").keys() {
            let without = self.seal(&with(self.payload.clone(), &format!("/{name}"), Value::Null));
            let (missing, object) = (format!("payload_without_{name}"), format!("payload_{name}_is_object"));
            self.malformed(files, [(&missing, without), (&object, self.changed(name, json!({})))]);
        }
        self.malformed(
            files,
            [
                ("payload_extra_member", self.changed("nonce", json!("ab".repeat(16)))),
                ("payload_version_two", self.changed("version", json!(2))),
                ("payload_time_with_offset", self.changed("created_at", json!("2026-05-25T03:00:00+00:00"))),
                ("tag_of_key_packages", with(self.sealed(), "/kez", json!("key_packages"))),
                ("type_of_key_packages", self.changed("type", json!("kez.chat.key_packages"))),
            ],
        );
        let base = jcs(&self.changed("server", json!(""))).len();
        let of_size = |size: usize| jcs(&self.changed("server", json!("a".repeat(size - base))));
        self.add(files, "size_8192_canonical_bytes", of_size(8192), only_here("wrong_server"));
        self.add(files, "size_8193_canonical_bytes", of_size(8193), code("payload_too_large"));
    }

    fn keys(&self, files: &mut Files) {
        let mut bad = |name: &str, envelope: Value, why| self.add(files, name, jcs(&envelope), code(why));
        let (signer, schnorr) = (Signer::of(IDENTITY), SchnorrSigner::of(IDENTITY));
        let small_order = small_order_keys().nth(1).map(|key| key_id(&key)).expect("there are eight");
        let hex = &signer.id()["ed25519:".len()..];
        for (spelling, key, why) in [
            ("hex_only", hex.to_owned(), "malformed_key"),
            ("upper_case", format!("ed25519:{}", hex.to_uppercase()), "malformed_key"),
            ("handle", "tudisco".to_owned(), "malformed_key"),
            ("of_unknown_suite", format!("x25519:{hex}"), "malformed_key"),
            ("of_other_suite", schnorr.id(), "unsupported_alg"),
            ("of_small_order", small_order.clone(), "malformed_key"),
            ("with_torsion", key_id(&signer.with_torsion(1)), "malformed_key"),
        ] {
            bad(&format!("{}_{spelling}", self.identity), self.changed(self.identity, json!(key)), why);
        }
        bad("signer_of_small_order", with(self.sealed(), "/signature/key", json!(small_order)), "malformed_key");
        for (name, alg) in [("alg_unknown", "ed25519"), ("alg_of_other_suite", "schnorr-sha256-jcs")] {
            bad(name, with(self.sealed(), "/signature/alg", json!(alg)), "unsupported_alg");
        }
    }

    fn signatures(&self, files: &mut Files) {
        let (signer, message) = (Signer::of(DEVICE), jcs(&self.payload));
        for (name, sig) in [
            ("signature_s_plus_l", signer.sign_with_large_s(&message)),
            ("signature_zero", "0".repeat(128)),
            ("signature_by_attacker", Signer::of(ATTACKER).sign(&message)),
            ("signature_by_the_chain_key", Signer::of(IDENTITY).sign(&message)),
        ] {
            self.add(files, name, jcs(&with(self.sealed(), "/signature/sig", json!(sig))), code("bad_signature"));
        }
        let other = with(self.sealed(), &format!("/payload/{}", self.identity), json!(Signer::of(ATTACKER).id()));
        let name = format!("payload_{}_changed_after_signing", self.identity);
        self.add(files, &name, jcs(&other), code("bad_signature"));
    }

    /// What is wrong at this server alone; and two faults, of which the first answers.
    fn context(&self, files: &mut Files) {
        let unsigned = |envelope: Value| with(envelope, "/signature/sig", json!("0".repeat(128)));
        let elsewhere = || self.changed("server", json!("kez.la"));
        self.add(files, "server_other", jcs(&elsewhere()), only_here("wrong_server"));
        for (name, now) in [("stale_301", "2026-05-25T03:05:01Z"), ("301_seconds_ahead", "2026-05-25T02:54:59Z")] {
            self.add_at(files, name, now, jcs(&self.sealed()), only_here("stale_timestamp"));
        }
        let bad_key = || self.changed(self.identity, json!("tudisco"));
        let bad_alg = with(bad_key(), "/signature/alg", json!("ed25519"));
        let (first, second) =
            (format!("order_alg_before_{}", self.identity), format!("order_{}_before_signature", self.identity));
        self.add(files, &first, jcs(&bad_alg), code("unsupported_alg"));
        self.add(files, &second, jcs(&unsigned(bad_key())), code("malformed_key"));
        self.add(files, "order_signature_before_server", jcs(&unsigned(elsewhere())), code("bad_signature"));
        let late = ("order_server_before_time", "2027-05-25T03:00:00Z");
        self.add_at(files, late.0, late.1, jcs(&elsewhere()), only_here("wrong_server"));
    }
}

/// The envelope's id, who signed, and what the payload says beside its type and version.
fn accepted(envelope: &Value) -> Expect {
    let mut expect = Expect::from([
        ("envelope_id", sha256_id(&jcs(envelope)).into()),
        ("signer", envelope["signature"]["key"].clone()),
        ("said", envelope["payload"].clone()),
    ]);
    for name in ["type", "version", "server"] {
        expect.get_mut("said").and_then(Value::as_object_mut).map(|said| said.remove(name));
    }
    expect
}

fn with_seed(mut expect: Expect) -> Expect {
    expect.insert("seed_hex", const_hex::encode(Signer::of(DEVICE).seed).into());
    expect
}
