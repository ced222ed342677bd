//! What holds of every input, not only of the cases that somebody thought of.
#![cfg(not(target_arch = "wasm32"))]

use kez_core::canonical::{self, Json, MAX_INTEGER};
use kez_core::registration::Statement;
use kez_core::{Admission, Admitted, Handle, Hash, KeyId, ServerName, SigningKey, Timestamp, verify_envelope};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::Union;

/// Any JSON value that has a canonical form here.
fn documents() -> impl Strategy<Value = Json> {
    // Strings of the characters that reading and printing can get wrong, and of any others.
    let text = || {
        Union::new([".*".boxed(), "[\\x00-\\x22/\\\\\\x7f\u{80}\u{2028}\u{e000}\u{fdd0}\u{ffff}\u{1f600}]*".boxed()])
    };
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        (-MAX_INTEGER..=MAX_INTEGER).prop_map(Json::Integer),
        (-20..20_i64).prop_map(Json::Integer),
        text().prop_map(Json::String),
    ];
    leaf.prop_recursive(15, 64, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::Array),
            btree_map("[\\x00-\\x7f]{0,6}", inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// Text that is JSON or nearly so: a document with a few pieces put in or taken out.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        "[\\[\\]{},:\"\\\\ \t\n0-9eE.+tfn-]".prop_map(String::into_bytes),
        "1\\.0|-0|1e5|\\\\ud800|\\\\udc00|\\\\u0000|true|null|\"a\":|\u{feff}|9007199254740992|é"
            .prop_map(String::into_bytes),
    ];
    (documents(), vec((any::<prop::sample::Index>(), 0..3_usize, piece), 0..4)).prop_map(|(document, edits)| {
        let mut text = document.to_canonical();
        for (at, removed, piece) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, piece);
        }
        text
    })
}

/// Our value as the common reader's, for comparing.
fn as_serde(json: &Json) -> serde_json::Value {
    serde_json::to_value(json).expect("a document is plain JSON")
}

fn registrations() -> impl Strategy<Value = (Admitted, ServerName)> {
    let handle = "[a-z0-9][a-z0-9_-]{2,31}".prop_map(|text| text.parse::<Handle>().expect("made by the rule"));
    let free = handle.prop_filter("reserved", |handle| !handle.is_reserved());
    (any::<[u8; 32]>(), free, 0..4_000_000_000_i64).prop_map(|(seed, handle, now)| {
        let server: ServerName = "kez.lat".parse().expect("the name is well formed");
        let now = Timestamp::from_unix(now);
        let body = Statement::registration(handle, server.clone(), now).sign(&SigningKey::from_seed(&seed));
        let admitted = Admission { server: &server, now }.registration(&body).expect("what we sign, we accept");
        (admitted, server)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// One byte changed or taken out: refused. One byte put in: refused, except white space between tokens, which is
    /// another spelling of the same envelope.
    #[test]
    fn a_changed_envelope_is_refused((admitted, server) in registrations(), edits in vec((any::<prop::sample::Index>(), any::<u8>()), 24)) {
        let admission = Admission { server: &server, now: admitted.created_at };
        for (index, byte) in edits {
            let at = index.index(admitted.envelope.len());
            let mut changed = admitted.envelope.clone();
            changed[at] = if byte == changed[at] { byte ^ 1 } else { byte };
            prop_assert!(admission.registration(&changed).is_err(), "byte {at} changed to {byte}");
            prop_assert!(verify_envelope(&changed).is_err(), "byte {at} changed to {byte}");

            let mut removed = admitted.envelope.clone();
            removed.remove(at);
            prop_assert!(admission.registration(&removed).is_err(), "byte {at} taken out");

            let mut inserted = admitted.envelope.clone();
            inserted.insert(at, byte);
            if let Ok(other) = admission.registration(&inserted) {
                prop_assert!(b" \t\r\n".contains(&byte), "byte {byte} put in at {at}");
                prop_assert_eq!(&other, &admitted);
            }
        }
    }

    #[test]
    fn signatures_do_not_carry_over((admitted, server) in registrations(), (other, _) in registrations()) {
        prop_assume!(admitted.primary != other.primary);
        let text = String::from_utf8(admitted.envelope.clone()).expect("JSON is text");
        let swapped = text.replace(&admitted.primary.to_string(), &other.primary.to_string());
        let admission = Admission { server: &server, now: admitted.created_at };
        prop_assert!(admission.registration(swapped.as_bytes()).is_err());
        let release = text.replace("handle_registration", "handle_release");
        prop_assert!(admission.release(release.as_bytes()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn reading_what_was_printed_gives_the_document_back(document in documents()) {
        prop_assert_eq!(canonical::parse(&document.to_canonical()), Ok(document));
    }

    #[test]
    fn printing_agrees_with_two_other_programs(document in documents()) {
        let ours = document.to_canonical();
        prop_assert_eq!(&ours, &canonical::to_vec(&document));
        prop_assert_eq!(&ours, &serde_json_canonicalizer::to_vec(&document).expect("plain JSON"));
    }

    #[test]
    fn spelling_does_not_matter(document in documents()) {
        let spaced = serde_json::to_vec_pretty(&document).expect("plain JSON");
        prop_assert_eq!(canonical::parse(&spaced), Ok(document));
    }

    /// What we take, the common reader takes with the same value; what it refuses, we refuse.
    #[test]
    fn reading_agrees_with_the_common_reader(text in nearly_json()) {
        if let Ok(ours) = canonical::parse(&text) {
            let theirs = serde_json::from_slice::<serde_json::Value>(&text);
            prop_assert_eq!(theirs.ok(), Some(as_serde(&ours)));
            prop_assert_eq!(canonical::parse(&ours.to_canonical()), Ok(ours));
        }
    }

    #[test]
    fn nothing_panics(bytes in vec(any::<u8>(), 0..64), text in nearly_json()) {
        for input in [&bytes, &text] {
            let _ = canonical::parse(input);
            let _ = verify_envelope(input);
            let text = String::from_utf8_lossy(input);
            let _ = kez_core::webfinger::Query::parse(&text);
            let _ = (text.parse::<ServerName>().is_ok(), text.parse::<Timestamp>().is_ok(), text.parse::<KeyId>().is_ok());
        }
    }

    #[test]
    fn texts_round_trip(key in any::<[u8; 32]>(), seconds in any::<i64>(), handle in "[a-z0-9][a-z0-9_-]{2,31}") {
        let id = KeyId::ed25519(key);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(KeyId::from_parts("secp256k1", &id.hex()).map(|id| *id.as_bytes()), Ok(key));
        let time = Timestamp::from_unix(seconds);
        prop_assert_eq!(time.to_string().parse(), Ok(time));
        let hash = Hash::of(&key);
        prop_assert_eq!(hash.to_string().parse(), Ok(hash));
        prop_assert_eq!(handle.parse::<Handle>().map(|h| h.to_string()), Ok(handle.clone()));
        prop_assert_eq!(Handle::for_lookup(&handle.to_ascii_uppercase()).map(|h| h.to_string()), Ok(handle));
    }
}
