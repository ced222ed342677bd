//! The descriptor that answers a WebFinger query, whole and filtered.

use kez_core::webfinger::Jrd;
use kez_core::{ChainStanding, Handle, KeyId, Record, ServerName, Timestamp};
use serde_json::{Value, json};

fn jrd() -> Jrd {
    let handle: Handle = "tudisco".parse().expect("a good handle");
    let server: ServerName = "kez.example".parse().expect("a good name");
    let chain = KeyId::ed25519([0x22; 32]);
    let standing = ChainStanding { chain, head: None, active: true };
    let record = Record::new(
        &handle,
        &server,
        KeyId::ed25519([0x21; 32]),
        standing,
        "https://sig.kez.example",
        Timestamp::from_unix(0),
    );
    Jrd::new(&record, "https://chat.kez.example")
}

fn text(jrd: &Jrd) -> Value {
    serde_json::to_value(jrd).expect("a descriptor is plain JSON")
}

#[test]
fn a_descriptor_names_the_key_and_where_to_go_on() {
    let hex = "21".repeat(32);
    let wanted = json!({
        "subject": "acct:tudisco@kez.example",
        "aliases": ["https://chat.kez.example/@tudisco"],
        "properties": { "https://kez.lat/ns/primary": format!("ed25519:{hex}") },
        "links": [
            { "rel": "self", "type": "application/json", "href": "https://chat.kez.example/v1/u/tudisco" },
            { "rel": "http://webfinger.net/rel/profile-page", "type": "text/html",
              "href": "https://chat.kez.example/@tudisco" },
            { "rel": "https://kez.lat/ns/sigchain", "type": "application/json",
              "href": format!("https://sig.kez.example/v1/sigchains/ed25519/{}", "22".repeat(32)) },
        ],
    });
    assert_eq!(text(&jrd()), wanted);
}

#[test]
fn relations_filter_the_links_and_nothing_else() {
    let whole = text(&jrd());
    assert_eq!(text(&jrd().keep(&[])), whole);
    let kept = text(&jrd().keep(&["self".to_owned(), "http://a.example/none".to_owned()]));
    assert_eq!(kept["links"], json!([whole["links"][0]]));
    assert_eq!(kept["aliases"], whole["aliases"]);
    assert_eq!(text(&jrd().keep(&["SELF".to_owned()]))["links"], json!([]));
}
