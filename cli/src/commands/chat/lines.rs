//! What is said, as lines of JSON.

use std::collections::BTreeMap;

use kez_conversation::{Body, Line, Receipt, Ref};
use kez_core::{KeyId, Timestamp};
use serde::Serialize;

/// An identity, and its handle where the server proved one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Who {
    pub(super) chain: KeyId,
    pub(super) handle: Option<String>,
}

/// A message as it came.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Message {
    id: String,
    by: Who,
    with: Who,
    device: KeyId,
    at: Timestamp,
    sent_at: Timestamp,
    r#type: String,
    #[serde(flatten)]
    members: Members,
    /// What arrived, sent along with a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Arrived>,
    /// The device does not stand for its identity any longer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    revoked: bool,
}

/// What arrived and what was read.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Arrived {
    delivered: Vec<Ref>,
    read: Vec<Ref>,
}

impl From<Receipt> for Arrived {
    fn from(Receipt { delivered, read }: Receipt) -> Arrived {
        Arrived { delivered, read }
    }
}

/// The members of each type.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Members {
    Text {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        re: Option<Ref>,
    },
    Edit {
        of: Ref,
        text: String,
    },
    Delete {
        of: Ref,
    },
    Reaction {
        of: Ref,
        emoji: Option<String>,
    },
    Receipt(Arrived),
    Unknown {},
}

impl Message {
    /// `line` of the conversation with `with`; `who` knows handles. None for what is not for people.
    pub(super) fn new(line: Line, with: &KeyId, who: &impl Fn(&KeyId) -> Who) -> Option<Message> {
        let content = line.content;
        let r#type = content.body.name().to_owned();
        let members = match content.body {
            Body::Text { text, re } => Members::Text { text, re },
            Body::Edit { of, text } => Members::Edit { of, text },
            Body::Delete { of } => Members::Delete { of },
            Body::Reaction { of, emoji } => Members::Reaction { of, emoji },
            Body::Receipt(receipt) => Members::Receipt(receipt.into()),
            Body::Unknown(_) => Members::Unknown {},
            Body::Sync(_) => return None,
        };
        Some(Message {
            id: content.id.to_string(),
            by: who(&line.by),
            with: who(with),
            device: line.device,
            at: line.at,
            sent_at: content.sent_at,
            r#type,
            members,
            receipt: content.receipt.map(Arrived::from),
            revoked: !line.good,
        })
    }
}

/// A text as it is now.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Text {
    id: String,
    by: Who,
    with: Who,
    device: KeyId,
    at: Timestamp,
    sent_at: Timestamp,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    re: Option<Ref>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    edited: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    reactions: Vec<Reaction>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Reaction {
    by: Who,
    emoji: String,
}

/// The texts of a thread as they are now, in the order in which they came: edited and deleted by their authors alone, whose
/// newest word counts, with one reaction of each identity.
pub(super) fn texts(lines: Vec<Line>, with: &KeyId, who: &impl Fn(&KeyId) -> Who) -> Vec<Text> {
    let mut texts: Vec<Text> = Vec::new();
    let mut at: BTreeMap<Ref, usize> = BTreeMap::new();
    // What is about a text may come before it.
    let (said, about): (Vec<Line>, Vec<Line>) =
        lines.into_iter().partition(|line| matches!(line.content.body, Body::Text { .. }));
    for line in said {
        let Body::Text { text, re } = line.content.body else { continue };
        at.insert(Ref { by: line.by, id: line.content.id }, texts.len());
        texts.push(Text {
            id: line.content.id.to_string(),
            by: who(&line.by),
            with: who(with),
            device: line.device,
            at: line.at,
            sent_at: line.content.sent_at,
            r#type: "text",
            text: Some(text),
            re,
            edited: false,
            deleted: false,
            reactions: Vec::new(),
        });
    }
    for line in about {
        let by = line.by;
        let place = |of: &Ref| at.get(of).copied();
        match line.content.body {
            Body::Edit { of: edited, text } if edited.by == by => {
                if let Some(found) = place(&edited).and_then(|at| texts.get_mut(at)).filter(|found| !found.deleted) {
                    (found.text, found.edited) = (Some(text), true);
                }
            }
            Body::Delete { of: deleted } if deleted.by == by => {
                if let Some(found) = place(&deleted).and_then(|at| texts.get_mut(at)) {
                    (found.text, found.edited, found.deleted) = (None, false, true);
                }
            }
            Body::Reaction { of: reacted, emoji } => {
                if let Some(found) = place(&reacted).and_then(|at| texts.get_mut(at)) {
                    found.reactions.retain(|reaction| reaction.by.chain != by);
                    found.reactions.extend(emoji.map(|emoji| Reaction { by: who(&by), emoji }));
                }
            }
            _ => {}
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use kez_conversation::{Content, Id};
    use kez_core::SigningKey;

    use super::*;

    fn line(by: u8, id: u8, body: Body) -> Line {
        let by = SigningKey::from_seed(&[by; 32]).id();
        let at = Timestamp::from_unix(1_800_000_000);
        let content = Content { id: Id([id; 16]), sent_at: at, heads: BTreeMap::new(), body, receipt: None };
        Line { by, device: by, at, good: true, content }
    }

    fn of(by: u8, id: u8) -> Ref {
        Ref { by: SigningKey::from_seed(&[by; 32]).id(), id: Id([id; 16]) }
    }

    fn text(text: &str) -> Body {
        Body::Text { text: text.to_owned(), re: None }
    }

    fn folded(lines: Vec<Line>) -> Vec<Text> {
        texts(lines, &SigningKey::from_seed(&[2; 32]).id(), &|chain| Who { chain: *chain, handle: None })
    }

    #[test]
    fn only_authors_edit_and_delete_and_the_newest_counts() {
        let edit = |by, of, text: &str| line(by, 9, Body::Edit { of, text: text.to_owned() });
        let lines = vec![
            edit(1, of(1, 1), "early"),
            line(1, 1, text("a")),
            line(2, 2, text("b")),
            edit(1, of(1, 1), "newer"),
            edit(1, of(2, 2), "not mine"),
            line(2, 3, text("c")),
            line(1, 9, Body::Delete { of: of(2, 3) }),
            line(2, 9, Body::Delete { of: of(2, 2) }),
            edit(2, of(2, 2), "too late"),
        ];
        let texts = folded(lines);
        let now: Vec<_> = texts.iter().map(|text| (text.text.as_deref(), text.edited, text.deleted)).collect();
        assert_eq!(now, [(Some("newer"), true, false), (None, false, true), (Some("c"), false, false)]);
    }

    #[test]
    fn an_identity_has_one_reaction_to_a_text() {
        let reaction =
            |by, emoji: Option<&str>| line(by, 9, Body::Reaction { of: of(1, 1), emoji: emoji.map(str::to_owned) });
        let lines = vec![
            reaction(2, Some("a")),
            line(1, 1, text("a")),
            reaction(1, Some("b")),
            reaction(2, Some("c")),
            reaction(1, None),
        ];
        let texts = folded(lines);
        let reactions: Vec<_> = texts[0].reactions.iter().map(|reaction| reaction.emoji.as_str()).collect();
        assert_eq!(reactions, ["c"]);
    }

    #[test]
    fn a_message_is_one_flat_line() {
        let who = |chain: &KeyId| Who { chain: *chain, handle: Some("bob".to_owned()) };
        let with = SigningKey::from_seed(&[2; 32]).id();
        let message = Message::new(line(2, 1, text("hi")), &with, &who).expect("it is for people");
        let json = serde_json::to_value(&message).expect("it serialises");
        let members: Vec<&String> = json.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["at", "by", "device", "id", "sent_at", "text", "type", "with"]);
        assert_eq!((&json["type"], &json["by"]["handle"]), (&"text".into(), &"bob".into()));
    }
}
