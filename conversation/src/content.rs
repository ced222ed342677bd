//! What is said: one JSON object in each private message.
//!
//! Reading is strict in form, since what one reader takes and another drops parts them; and lenient in what it does not
//! know, since later versions say more.

use std::collections::BTreeMap;

use kez_core::canonical::{self, Json, Object, object};
use kez_core::{Hash, KeyId, Timestamp};
use serde::{Deserialize, Serialize};

mod parse;
#[cfg(test)]
mod tests;

pub use parse::Malformed;

/// The longest content, in bytes.
pub const MAX_CONTENT_BYTES: usize = 16_384;
/// The longest text, in code points.
pub const MAX_TEXT: usize = 8_000;
/// The longest reaction, in bytes.
pub const MAX_EMOJI_BYTES: usize = 32;
/// The most references in each list of a receipt.
pub const MAX_REFS: usize = 64;

/// A message's id, 128 random bits: what makes a message that comes twice one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Id(pub [u8; 16]);

/// Something that was said, by whom and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ref {
    /// The author's chain.
    pub by: KeyId,
    /// The message.
    pub id: Id,
}

/// What arrived and what was read of the other's texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// What arrived at a device.
    pub delivered: Vec<Ref>,
    /// What a person saw.
    pub read: Vec<Ref>,
}

/// An item of the own conversation: of two with one key the one with the higher (counter, device) is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is about.
    pub key: String,
    /// What is so.
    pub value: Json,
    /// Counts the changes of this key.
    pub counter: u64,
    /// The device that changed it.
    pub device: KeyId,
}

/// What a message does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Says something, perhaps in answer to something.
    Text {
        /// What.
        text: String,
        /// In answer to this.
        re: Option<Ref>,
    },
    /// Says something of one's own differently.
    Edit {
        /// What was said before.
        of: Ref,
        /// How it is said now.
        text: String,
    },
    /// Takes something of one's own back.
    Delete {
        /// What.
        of: Ref,
    },
    /// Puts a sign beside something, or takes it away.
    Reaction {
        /// Beside what.
        of: Ref,
        /// Which, one grapheme.
        emoji: Option<String>,
    },
    /// Says what arrived.
    Receipt(Receipt),
    /// Keeps the own devices alike.
    Sync(Vec<Item>),
    /// Something that a later version says; kept, and shown as a line that says so.
    Unknown(String),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its id, unique for its author.
    pub id: Id,
    /// When the author says that it was said: a claim.
    pub sent_at: Timestamp,
    /// The newest heads of the conversation's chains that the sender verified.
    pub heads: BTreeMap<KeyId, (u64, Hash)>,
    /// What it does.
    pub body: Body,
    /// What arrived, sent along with a text.
    pub receipt: Option<Receipt>,
}

impl Content {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Malformed`] for content of another form, which is dropped and counted.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        parse::parse(bytes)
    }

    /// The canonical bytes, or nothing where they are more than [`MAX_CONTENT_BYTES`] or a member is beyond its limit.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let bytes = canonical::to_vec(&Json::Object(self.members()));
        // What one sends, one would take.
        Content::parse(&bytes).is_ok_and(|read| read == *self).then_some(bytes)
    }

    fn members(&self) -> Object {
        let heads = self.heads.iter().map(|(chain, (seq, head))| {
            let seq = i64::try_from(*seq).unwrap_or(canonical::MAX_INTEGER);
            (chain.to_string(), Json::Array(vec![Json::Integer(seq), text(head)]))
        });
        let mut members = object([
            ("v".to_owned(), Json::Integer(1)),
            ("id".to_owned(), text(self.id)),
            ("sent_at".to_owned(), text(self.sent_at)),
            ("heads".to_owned(), Json::Object(object(heads))),
            ("type".to_owned(), text(self.body.name())),
        ]);
        if let Some(receipt) = &self.receipt {
            members.insert("receipt".to_owned(), Json::Object(receipt.members()));
        }
        members.extend(self.body.members());
        members
    }
}

impl Body {
    /// The value of `type`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Body::Text { .. } => "text",
            Body::Edit { .. } => "edit",
            Body::Delete { .. } => "delete",
            Body::Reaction { .. } => "reaction",
            Body::Receipt(_) => "receipt",
            Body::Sync(_) => "sync",
            Body::Unknown(name) => name,
        }
    }

    /// Whether it is part of what is shown of a thread, and so is said again to a device that lost it.
    #[must_use]
    pub const fn is_said(&self) -> bool {
        !matches!(self, Body::Receipt(_) | Body::Sync(_))
    }

    fn members(&self) -> Object {
        match self {
            Body::Text { text: said, re } => {
                let re = re.map(|re| ("re".to_owned(), re.json()));
                object([("text".to_owned(), text(said))].into_iter().chain(re))
            }
            Body::Edit { of, text: said } => object([("of".to_owned(), of.json()), ("text".to_owned(), text(said))]),
            Body::Delete { of } => object([("of".to_owned(), of.json())]),
            Body::Reaction { of, emoji } => {
                let emoji = emoji.as_ref().map_or(Json::Null, text);
                object([("of".to_owned(), of.json()), ("emoji".to_owned(), emoji)])
            }
            Body::Receipt(receipt) => receipt.members(),
            Body::Sync(items) => object([("items".to_owned(), Json::Array(items.iter().map(Item::json).collect()))]),
            Body::Unknown(_) => Object::new(),
        }
    }
}

impl Receipt {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.delivered.is_empty() && self.read.is_empty()
    }

    fn members(&self) -> Object {
        let list = |refs: &[Ref]| Json::Array(refs.iter().map(Ref::json).collect());
        object([("delivered".to_owned(), list(&self.delivered)), ("read".to_owned(), list(&self.read))])
    }
}

impl Ref {
    fn json(&self) -> Json {
        Json::Object(object([("by".to_owned(), text(self.by)), ("id".to_owned(), text(self.id))]))
    }
}

impl Item {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        canonical::to_vec(&self.json())
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Item> {
        parse::item(&canonical::parse(bytes).ok()?).ok()
    }

    fn json(&self) -> Json {
        Json::Object(object([
            ("key".to_owned(), text(&self.key)),
            ("value".to_owned(), self.value.clone()),
            ("counter".to_owned(), Json::Integer(i64::try_from(self.counter).unwrap_or(canonical::MAX_INTEGER))),
            ("device".to_owned(), text(self.device)),
        ]))
    }
}

fn text(value: impl std::fmt::Display) -> Json {
    Json::String(value.to_string())
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

impl From<Id> for String {
    fn from(id: Id) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for Id {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        parse::id(&text)
    }
}
