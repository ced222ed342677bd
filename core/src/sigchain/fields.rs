//! Taking members out of an object, one kind at a time.
//!
//! A member that is missing or of the wrong kind ends the reading. What a later check judges (keys, signatures, rotation
//! keys, members that are not defined) is only noted, so that the checks answer in their order.

use std::str::FromStr;

use super::enc_key::EncKey;
use super::pop::Pop;
use super::{MAX_ROTATION_KEYS, Reason};
use crate::canonical::{Json, MAX_INTEGER, Object};
use crate::hash::{Hash, decode_lower_hex};
use crate::key::KeyId;
use crate::server_name::ServerName;

/// Stands for a key or a signature that is misspelt, until the check that refuses it.
const NONE: KeyId = KeyId::ed25519([0; 32]);

/// What is wrong with an event of the right shape.
#[derive(Clone, Debug, Default)]
pub(super) struct Flaws {
    pub(super) unknown_member: bool,
    pub(super) rotation_keys: bool,
    pub(super) key: bool,
    pub(super) sig: bool,
}

impl Flaws {
    /// Looks for what no type may hold: numbers that cannot be signed, which are a matter of shape, and names that
    /// are not ASCII, which no type defines.
    pub(super) fn look_at(&mut self, json: &Json) -> Result<(), Reason> {
        match json {
            Json::Integer(number) if !(-MAX_INTEGER..=MAX_INTEGER).contains(number) => Err(Reason::BadEnvelope),
            Json::Array(items) => items.iter().try_for_each(|item| self.look_at(item)),
            Json::Object(members) => members.iter().try_for_each(|(name, member)| {
                self.unknown_member |= !name.is_ascii();
                self.look_at(member)
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn key(&mut self, text: &str) -> KeyId {
        text.parse().unwrap_or_else(|_| {
            self.key = true;
            NONE
        })
    }

    pub(super) fn sig(&mut self, text: &str) -> [u8; 64] {
        decode_lower_hex(text).unwrap_or_else(|| {
            self.sig = true;
            [0; 64]
        })
    }
}

/// What is left of an object.
#[derive(Debug)]
pub(super) struct Fields(pub(super) Object);

impl Fields {
    pub(super) fn object(&mut self, name: &str) -> Result<Object, Reason> {
        match self.0.remove(name) {
            Some(Json::Object(members)) => Ok(members),
            _ => Err(Reason::BadEnvelope),
        }
    }

    pub(super) fn string(&mut self, name: &str) -> Result<String, Reason> {
        match self.0.remove(name) {
            Some(Json::String(text)) => Ok(text),
            _ => Err(Reason::BadEnvelope),
        }
    }

    pub(super) fn optional_string(&mut self, name: &str) -> Result<Option<String>, Reason> {
        if self.0.contains_key(name) { self.string(name).map(Some) } else { Ok(None) }
    }

    /// A text of 1 to `max` characters.
    pub(super) fn text(&mut self, name: &str, max: usize) -> Result<String, Reason> {
        let text = self.string(name)?;
        if (1..=max).contains(&text.chars().count()) { Ok(text) } else { Err(Reason::BadEnvelope) }
    }

    /// A text that has one spelling and is a matter of shape: a time, a hash.
    pub(super) fn parsed<T: FromStr>(&mut self, name: &str) -> Result<T, Reason> {
        self.string(name)?.parse().map_err(|_| Reason::BadEnvelope)
    }

    pub(super) fn integer(&mut self, name: &str) -> Result<i64, Reason> {
        match self.0.remove(name) {
            Some(Json::Integer(number)) => Ok(number),
            _ => Err(Reason::BadEnvelope),
        }
    }

    pub(super) fn optional_bool(&mut self, name: &str) -> Result<Option<bool>, Reason> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(Reason::BadEnvelope),
        }
    }

    pub(super) fn hash_or_null(&mut self, name: &str) -> Result<Option<Hash>, Reason> {
        if self.0.get(name) == Some(&Json::Null) {
            self.0.remove(name);
            return Ok(None);
        }
        self.parsed(name).map(Some)
    }

    /// A host with an optional port, in lower case.
    pub(super) fn server(&mut self, name: &str) -> Result<ServerName, Reason> {
        let text = self.string(name)?;
        text.parse().ok().filter(|server: &ServerName| server.as_str() == text).ok_or(Reason::BadEnvelope)
    }

    pub(super) fn key(&mut self, name: &str, flaws: &mut Flaws) -> Result<KeyId, Reason> {
        self.string(name).map(|text| flaws.key(&text))
    }

    pub(super) fn enc_key(&mut self, flaws: &mut Flaws) -> Result<Option<EncKey>, Reason> {
        let Some(text) = self.optional_string("enc_key")? else { return Ok(None) };
        let key = text.parse().ok();
        flaws.key |= key.is_none();
        Ok(key)
    }

    pub(super) fn pop(&mut self, flaws: &mut Flaws) -> Result<Pop, Reason> {
        self.string("pop").map(|text| Pop::from_bytes(flaws.sig(&text)))
    }

    pub(super) fn rotation_keys(&mut self, flaws: &mut Flaws) -> Result<Vec<KeyId>, Reason> {
        let Some(Json::Array(items)) = self.0.remove("rotation_keys") else { return Err(Reason::BadEnvelope) };
        let texts = items.into_iter().map(|item| match item {
            Json::String(text) => Ok(text),
            _ => Err(Reason::BadEnvelope),
        });
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        if !(1..=MAX_ROTATION_KEYS).contains(&texts.len()) {
            flaws.rotation_keys = true;
            return Ok(Vec::new());
        }
        flaws.rotation_keys |= (1..texts.len()).any(|at| texts[..at].contains(&texts[at]));
        Ok(texts.iter().map(|text| flaws.key(text)).collect())
    }

    /// Whatever is left was not defined.
    pub(super) fn end(self, flaws: &mut Flaws) {
        flaws.unknown_member |= !self.0.is_empty();
    }
}
