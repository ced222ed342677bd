use super::*;

fn key(n: u8) -> KeyId {
    KeyId::ed25519([n; 32])
}

fn content(body: Body) -> Content {
    Content {
        id: Id([1; 16]),
        sent_at: Timestamp::from_unix(1_800_000_000),
        heads: BTreeMap::from([(key(1), (3, Hash::of(b"head")))]),
        body,
        receipt: None,
    }
}

fn reference() -> Ref {
    Ref { by: key(2), id: Id([2; 16]) }
}

#[test]
fn everything_that_can_be_said_is_read_again() {
    let receipt = Receipt { delivered: vec![reference()], read: Vec::new() };
    let item = Item { key: "contact".to_owned(), value: Json::Null, counter: 4, device: key(3) };
    for body in [
        Body::Text { text: "hello".to_owned(), re: None },
        Body::Text { text: "\u{1F44B}".to_owned(), re: Some(reference()) },
        Body::Edit { of: reference(), text: "hello".to_owned() },
        Body::Delete { of: reference() },
        Body::Reaction { of: reference(), emoji: Some("\u{1F44D}\u{1F3FD}".to_owned()) },
        Body::Reaction { of: reference(), emoji: None },
        Body::Receipt(receipt.clone()),
        Body::Sync(vec![item]),
        Body::Unknown("dance".to_owned()),
    ] {
        let mut said = content(body);
        assert_eq!(Content::parse(&said.to_bytes().expect("valid")).as_ref(), Ok(&said));
        said.receipt = Some(receipt.clone());
        assert_eq!(Content::parse(&said.to_bytes().expect("valid")).as_ref(), Ok(&said));
    }
}

#[test]
fn members_that_are_not_known_are_left_aside() {
    let text = String::from_utf8(content(Body::Text { text: "a".to_owned(), re: None }).to_bytes().expect("valid"));
    let more = text.expect("UTF-8").replacen('{', r#"{"z":{"y":[1]},"#, 1);
    assert!(Content::parse(more.as_bytes()).is_ok());
}

#[test]
fn every_other_form_is_refused() {
    let text = content(Body::Text { text: "said".to_owned(), re: Some(reference()) });
    let text = String::from_utf8(text.to_bytes().expect("valid")).expect("UTF-8");
    let id = "01".repeat(16);
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"v\":1", "\"v\":1,\"v\":1"),
        ("\"v\":1", "\"v\":1.0"),
        (id.as_str(), "01"),
        (id.as_str(), "AB01010101010101010101010101010101"),
        ("\"heads\":", "\"hats\":"),
        ("[3,", "[0,"),
        ("[3,", "[3,3,"),
        ("\"sent_at\":\"2", "\"sent_at\":\"x"),
        ("\"text\":\"said\"", "\"text\":\"\""),
        ("\"text\":\"said\"", "\"text\":1"),
        ("\"re\":{", "\"re\":null,\"x\":{"),
        ("\"type\":\"text\"", "\"type\":1"),
        ("\"type\":\"text\"", "\"receipt\":[],\"type\":\"text\""),
    ] {
        assert!(text.contains(from), "{from}");
        assert_eq!(Content::parse(text.replacen(from, to, 1).as_bytes()), Err(Malformed), "{to}");
    }
    for bytes in [&b""[..], b"[]", b"{}", b"\xff", b"{\"v\":1}{"] {
        assert_eq!(Content::parse(bytes), Err(Malformed));
    }
}

#[test]
fn limits_are_kept_by_reader_and_writer() {
    let said = |n: usize| content(Body::Text { text: "\u{e9}".repeat(n), re: None });
    assert!(said(MAX_TEXT - 1_000).to_bytes().is_some());
    assert!(said(MAX_TEXT + 1).to_bytes().is_none(), "too many code points");
    assert!(content(Body::Text { text: "\u{1F44B}".repeat(5_000), re: None }).to_bytes().is_none(), "too many bytes");
    let refs = |n: usize| Body::Receipt(Receipt { delivered: vec![reference(); n], read: Vec::new() });
    assert!(content(refs(MAX_REFS)).to_bytes().is_some());
    assert!(content(refs(MAX_REFS + 1)).to_bytes().is_none());
    for emoji in
        ["", "hello", "\u{1F44D}\u{1F44D}\u{1F44D}\u{1F44D}\u{1F44D}\u{1F44D}\u{1F44D}\u{1F44D}\u{1F44D}", "\u{200B}"]
    {
        let reaction = Body::Reaction { of: reference(), emoji: Some(emoji.to_owned()) };
        assert!(content(reaction).to_bytes().is_none(), "{emoji:?}");
    }
}
