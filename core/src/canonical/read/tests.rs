use super::*;
use crate::envelope::MAX_ENVELOPE_BYTES;
use crate::sigchain::{NotAnEvent, Reason, Unverified};
use crate::verify_envelope;

/// How many values a document has.
fn values(json: &Json) -> usize {
    1 + match json {
        Json::Array(items) => items.iter().map(values).sum(),
        Json::Object(members) => members.values().map(values).sum::<usize>(),
        _ => 0,
    }
}

/// `piece` so often that it takes some 64 KiB.
fn list(piece: &str) -> String {
    format!("[{}]", vec![piece; 65_536 / (piece.len() + 1)].join(","))
}

/// Texts of which each byte would cost most.
fn dense() -> Vec<String> {
    let nested = |open: &str, close: &str| list(&(open.repeat(MAX_DEPTH - 1) + "0" + &close.repeat(MAX_DEPTH - 1)));
    let members: Vec<_> = (0..12_000).map(|n| format!("\"{n:x}\":0")).collect();
    vec![
        list("0"),
        list("[]"),
        list("{}"),
        list("[0]"),
        list("{\"\":0}"),
        list("\"\""),
        nested("[", "]"),
        nested("{\"a\":", "}"),
        format!("{{{}}}", members.join(",")),
        format!("{{\"a\":{{\"b\":{{\"c\":{{{}}}}}}}}}", members.join(",")),
    ]
}

#[test]
fn what_no_envelope_can_hold_is_not_kept() {
    for text in dense() {
        let whole = parse(text.as_bytes()).expect("JSON");
        let kept = parse_unjudged(text.as_bytes(), MAX_DEPTH).expect("JSON");
        assert!(values(&whole) > 2 * MAX_VALUES, "{:.40}", text);
        let (least, most) = (MAX_VALUES, 2 * MAX_VALUES + MAX_DEPTH);
        assert!((least..=most).contains(&values(&kept)), "{} of {:.40}", values(&kept), text);
        // So whatever judges its size says what it would say of the whole.
        assert!(kept.to_canonical().len() > MAX_ENVELOPE_BYTES, "{:.40}", text);
    }
    for text in ["[]", "[[],{},0,\"\"]", &format!("[{}]", vec!["0"; MAX_VALUES - 2].join(","))] {
        assert_eq!(parse_unjudged(text.as_bytes(), MAX_DEPTH), parse(text.as_bytes()));
    }
}

#[test]
fn what_is_not_kept_is_judged_all_the_same() {
    let fill = vec!["0"; MAX_VALUES + 5].join(",");
    for broken in [
        "[{fill},[0,]]",
        "[{fill},{\"a\":1,\"a\":2}]",
        "[{fill},{\"a\":1,\"\\u0061\":2}]",
        "[{fill},\"\\ud800\"]",
        "[[[[{fill},[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]",
        "{\"a\":{\"b\":{\"c\":{\"x\":1,\"d\":[{fill}],\"y\":2,\"x\":3}}}}",
        "{\"a\":{\"b\":{\"c\":{\"d\":[{fill}],\"y\":2,\"y\":3}}}}",
    ] {
        let text = broken.replace("{fill}", &fill);
        for read in
            [parse(text.as_bytes()), parse_envelope(text.as_bytes()), parse_unjudged(text.as_bytes(), MAX_DEPTH)]
        {
            assert_eq!(read.map_err(|problem| problem.code), Err(Code::MalformedJson), "{broken}");
        }
    }
    for flawed in ["[{fill},1.5]", "[{fill},{\"\u{e9}\":1}]"] {
        let text = flawed.replace("{fill}", &fill);
        assert_eq!(parse_envelope(text.as_bytes()).map_err(|problem| problem.code), Err(Code::MalformedEnvelope));
    }
}

/// An event of a type that is not listed, whose body may hold anything, signed by nobody.
fn event(body: &str) -> String {
    let (key, sig) = (format!("ed25519:{}", "ab".repeat(32)), "00".repeat(64));
    format!(
        r#"{{"kez":"sigchain_event","payload":{{"type":"kez.sigchain.note","version":1,"critical":false,"body":{{"all":{body}}},"chain":"{key}","seq":2,"prev":"sha256:{}","created_at":"2026-05-25T03:00:00Z"}},"signature":{{"alg":"ed25519-sha512-jcs","key":"{key}","sig":"{sig}"}}}}"#,
        "cd".repeat(32)
    )
}

#[test]
fn an_event_of_too_many_values_is_too_large_once_its_shape_is_right() {
    let fill = vec!["0"; MAX_VALUES + 5].join(",");
    let reason = |text: String| match Unverified::parse(text.as_bytes()) {
        Err(NotAnEvent::Refused(reason)) => Some(reason),
        other => panic!("{:?}", other.map(|_| ())),
    };
    assert!(Unverified::parse(event("[0,0]").as_bytes()).is_ok());
    assert_eq!(reason(event(&format!("[{fill}]"))), Some(Reason::TooLarge));
    assert_eq!(reason(event(&format!("[{fill},1.5]"))), Some(Reason::BadEnvelope));
    assert_eq!(reason(event(&format!("[{fill},{{\"\u{e9}\":0}}]"))), Some(Reason::UnknownMember));
    assert_eq!(reason(event(&format!("[{fill}]")).replace("\"seq\":2", "\"seq\":\"2\"")), Some(Reason::BadEnvelope));
    assert_eq!(
        reason(event(&format!("[{fill}]")).replace("\"seq\":2", "\"seq\":2,\"x\":0")),
        Some(Reason::UnknownMember)
    );
    // Of other types: what has no such member is malformed, what may have it is too large.
    let code = |text: String| verify_envelope(text.as_bytes()).map_err(|problem| problem.code);
    let other = |tag: &str, payload_type: &str| {
        event(&format!("[{fill}]")).replace("sigchain_event", tag).replace("kez.sigchain.note", payload_type)
    };
    assert_eq!(code(other("handle_release", "kez.chat.handle_release")), Err(Code::MalformedEnvelope));
    assert_eq!(code(other("something_else", "org.example.else")), Err(Code::PayloadTooLarge));
}
