//! What a group is for: the extension 0xF0CE of its context, JCS of `{"v":1,"kind","server","chains","gen"}`.

use std::fmt;
use std::str::FromStr;

use kez_core::canonical::{self, Json, Object, object};
use kez_core::{KeyId, ServerName};
use mls_rs::extension::ExtensionType;
use mls_rs::extension::built_in::RequiredCapabilitiesExt;
use mls_rs::{Extension, ExtensionList};
use mls_rs_core::extension::MlsExtension as _;
use serde::{Deserialize, Serialize};

/// The extension that says what a group is for.
pub(crate) const EXTENSION: ExtensionType = ExtensionType::new(0xF0CE);

/// A conversation's id, the group's: 16 random bytes, written as 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Cid(pub [u8; 16]);

/// The text is not 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a conversation is written as 32 lower-case hex digits")]
pub struct MalformedCid;

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

impl FromStr for Cid {
    type Err = MalformedCid;

    fn from_str(text: &str) -> Result<Self, MalformedCid> {
        let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let bytes = if lower { const_hex::decode_to_array(text).ok() } else { None };
        bytes.map(Cid).ok_or(MalformedCid)
    }
}

impl From<Cid> for String {
    fn from(cid: Cid) -> String {
        cid.to_string()
    }
}

impl TryFrom<String> for Cid {
    type Error = MalformedCid;

    fn try_from(text: String) -> Result<Self, MalformedCid> {
        text.parse()
    }
}

/// Who a conversation is among.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The devices of two identities.
    Pair,
    /// The devices of one identity.
    Own,
}

/// What a group is for, for its whole life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Who it is among.
    pub kind: Kind,
    /// The home server of all.
    pub server: ServerName,
    /// The identities' chain keys, sorted: one or two.
    pub chains: Vec<KeyId>,
    /// The generation: the higher one of two conversations between the same identities is the one to send in.
    pub r#gen: u64,
}

/// The group's context is not one of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group is no conversation")]
pub struct NoConversation;

impl Context {
    /// A context of these identities, the same one twice for the own conversation.
    #[must_use]
    pub fn between(a: KeyId, b: KeyId, server: ServerName, r#gen: u64) -> Self {
        let mut chains = vec![a, b];
        chains.sort_unstable_by_key(ToString::to_string);
        chains.dedup();
        let kind = if chains.len() == 1 { Kind::Own } else { Kind::Pair };
        Context { kind, server, chains, r#gen }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::Pair => "pair",
            Kind::Own => "own",
        };
        let chains = self.chains.iter().map(|chain| Json::String(chain.to_string())).collect();
        canonical::to_vec(&Json::Object(object([
            ("v".to_owned(), Json::Integer(1)),
            ("kind".to_owned(), Json::String(kind.to_owned())),
            ("server".to_owned(), Json::String(self.server.to_string())),
            ("chains".to_owned(), Json::Array(chains)),
            ("gen".to_owned(), Json::Integer(i64::try_from(self.r#gen).unwrap_or(canonical::MAX_INTEGER))),
        ])))
    }

    /// Reads canonical bytes, and nothing else.
    ///
    /// # Errors
    /// [`NoConversation`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoConversation> {
        let Ok(Json::Object(members)) = canonical::parse(bytes) else { return Err(NoConversation) };
        let context = read(&members).ok_or(NoConversation)?;
        // One spelling, no further member, chains sorted and as many as the kind has.
        let pair = match (context.chains.as_slice(), context.kind) {
            ([a], Kind::Own) => (*a, *a),
            ([a, b], Kind::Pair) => (*a, *b),
            _ => return Err(NoConversation),
        };
        let spelt = Context::between(pair.0, pair.1, context.server.clone(), context.r#gen);
        if spelt == context && spelt.to_bytes() == bytes { Ok(context) } else { Err(NoConversation) }
    }

    /// The extensions of the group's context.
    pub(crate) fn extensions(&self) -> ExtensionList {
        let required = RequiredCapabilitiesExt::new(vec![EXTENSION], Vec::new(), Vec::new());
        let mut extensions = ExtensionList::new();
        extensions.set(Extension::new(EXTENSION, self.to_bytes()));
        if let Ok(required) = required.into_extension() {
            extensions.set(required);
        }
        extensions
    }

    /// Reads the extensions of a group's context: the two that every conversation has, and no third one.
    pub(crate) fn of(extensions: &ExtensionList) -> Result<Self, NoConversation> {
        let required: Option<RequiredCapabilitiesExt> = extensions.get_as().map_err(|_| NoConversation)?;
        let required = required.ok_or(NoConversation)?;
        let only =
            required.extensions == [EXTENSION] && required.proposals.is_empty() && required.credentials.is_empty();
        if !only || extensions.len() != 2 {
            return Err(NoConversation);
        }
        Context::parse(&extensions.get(EXTENSION).ok_or(NoConversation)?.extension_data)
    }

    /// The identity that `own` talks to in it: itself in its own conversation. None where it is not part of it.
    #[must_use]
    pub fn peer_of(&self, own: &KeyId) -> Option<KeyId> {
        match self.chains.as_slice() {
            [a] if a == own => Some(*a),
            [a, b] if a == own => Some(*b),
            [a, b] if b == own => Some(*a),
            _ => None,
        }
    }
}

fn read(members: &Object) -> Option<Context> {
    let text = |name: &str| match members.get(name) {
        Some(Json::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (Some(Json::Integer(1)), Some(Json::Integer(r#gen)), Some(Json::Array(chains))) =
        (members.get("v"), members.get("gen"), members.get("chains"))
    else {
        return None;
    };
    let chains = chains.iter().map(|chain| match chain {
        Json::String(text) => text.parse::<KeyId>().ok(),
        _ => None,
    });
    Some(Context {
        kind: match text("kind")? {
            "pair" => Kind::Pair,
            "own" => Kind::Own,
            _ => return None,
        },
        server: text("server")?.parse().ok()?,
        chains: chains.collect::<Option<Vec<_>>>()?,
        r#gen: u64::try_from(*r#gen).ok().filter(|&r#gen| r#gen > 0)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Context {
        Context::between(KeyId::ed25519([2; 32]), KeyId::ed25519([1; 32]), "kez.lat".parse().expect("a name"), 3)
    }

    #[test]
    fn bytes_are_canonical_and_chains_sorted() {
        let text = format!(
            r#"{{"chains":["ed25519:{}","ed25519:{}"],"gen":3,"kind":"pair","server":"kez.lat","v":1}}"#,
            "01".repeat(32),
            "02".repeat(32)
        );
        assert_eq!(pair().to_bytes(), text.as_bytes());
        assert_eq!(Context::parse(text.as_bytes()), Ok(pair()));
        assert_eq!(Context::of(&pair().extensions()), Ok(pair()));
    }

    #[test]
    fn every_other_context_is_refused() {
        let text = String::from_utf8(pair().to_bytes()).expect("JSON");
        let chain = |n: &str| format!("\"ed25519:{}\"", n.repeat(32));
        for (from, to) in [
            ("\"v\":1", "\"v\":2"),
            ("\"v\":1", "\"v\":1,\"w\":1"),
            ("\"v\":1", "\"v\": 1"),
            ("\"gen\":3", "\"gen\":0"),
            ("\"gen\":3", "\"gen\":-1"),
            ("\"gen\":3", "\"gen\":\"3\""),
            ("pair", "own"),
            ("pair", "room"),
            ("kez.lat", "KEZ.lat"),
            ("kez.lat", ""),
            (chain("01").as_str(), chain("03").as_str()),
            (chain("01").as_str(), chain("02").as_str()),
            ("\"gen\":3,", ""),
        ] {
            assert!(text.contains(from), "{from}");
            assert_eq!(Context::parse(text.replacen(from, to, 1).as_bytes()), Err(NoConversation), "{to}");
        }
        let mut more = pair().extensions();
        more.set(Extension::new(ExtensionType::new(0xF0CF), Vec::new()));
        assert_eq!(Context::of(&more), Err(NoConversation), "a third extension");
        let mut less = ExtensionList::new();
        less.set(Extension::new(EXTENSION, pair().to_bytes()));
        assert_eq!(Context::of(&less), Err(NoConversation), "nothing required");
    }
}
