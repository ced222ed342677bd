//! Reading content: what is required is there and of its form, what is not known is left aside.

use kez_core::canonical::{self, Json, Object};
use kez_core::text::is_hidden;
use kez_core::{KeyId, Timestamp};

use super::{Body, Content, Id, Item, MAX_CONTENT_BYTES, MAX_EMOJI_BYTES, MAX_REFS, MAX_TEXT, Receipt, Ref};

/// The bytes are not content of the form that is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message")]
pub struct Malformed;

pub(super) fn parse(bytes: &[u8]) -> Result<Content, Malformed> {
    if bytes.len() > MAX_CONTENT_BYTES {
        return Err(Malformed);
    }
    let Ok(Json::Object(members)) = canonical::parse(bytes) else { return Err(Malformed) };
    if members.get("v") != Some(&Json::Integer(1)) {
        return Err(Malformed);
    }
    let receipt = match members.get("receipt") {
        Some(Json::Object(receipt)) => Some(read_receipt(receipt)?),
        Some(_) => return Err(Malformed),
        None => None,
    };
    Ok(Content {
        id: id(string(&members, "id")?)?,
        sent_at: string(&members, "sent_at")?.parse::<Timestamp>().map_err(|_| Malformed)?,
        heads: match members.get("heads") {
            Some(Json::Object(heads)) => heads.iter().map(head).collect::<Result<_, _>>()?,
            _ => return Err(Malformed),
        },
        body: body(&members)?,
        receipt,
    })
}

fn body(members: &Object) -> Result<Body, Malformed> {
    Ok(match string(members, "type")? {
        "text" => Body::Text { text: said(members)?, re: members.get("re").map(reference).transpose()? },
        "edit" => Body::Edit { of: of(members)?, text: said(members)? },
        "delete" => Body::Delete { of: of(members)? },
        "reaction" => Body::Reaction {
            of: of(members)?,
            emoji: match members.get("emoji") {
                Some(Json::Null) => None,
                Some(Json::String(emoji)) if is_emoji(emoji) => Some(emoji.clone()),
                _ => return Err(Malformed),
            },
        },
        "receipt" => Body::Receipt(read_receipt(members)?),
        "sync" => match members.get("items") {
            Some(Json::Array(items)) => Body::Sync(items.iter().map(item).collect::<Result<_, _>>()?),
            _ => return Err(Malformed),
        },
        name => Body::Unknown(name.to_owned()),
    })
}

fn string<'a>(members: &'a Object, name: &str) -> Result<&'a str, Malformed> {
    match members.get(name) {
        Some(Json::String(text)) => Ok(text),
        _ => Err(Malformed),
    }
}

fn said(members: &Object) -> Result<String, Malformed> {
    let text = string(members, "text")?;
    if (1..=MAX_TEXT).contains(&text.chars().count()) { Ok(text.to_owned()) } else { Err(Malformed) }
}

/// One grapheme has at most [`MAX_EMOJI_BYTES`]; that it draws something, and is no word, is as much as can be told without
/// Unicode's tables.
fn is_emoji(text: &str) -> bool {
    let draws = text.chars().filter(|c| !is_hidden(*c)).count();
    let plain = text.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace() || c.is_control()).count();
    (1..=MAX_EMOJI_BYTES).contains(&text.len()) && draws > 0 && (plain == 0 || text.chars().count() <= 3)
}

pub(super) fn id(text: &str) -> Result<Id, Malformed> {
    if !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(Malformed);
    }
    const_hex::decode_to_array(text).map(Id).map_err(|_| Malformed)
}

fn of(members: &Object) -> Result<Ref, Malformed> {
    reference(members.get("of").ok_or(Malformed)?)
}

fn reference(json: &Json) -> Result<Ref, Malformed> {
    let Json::Object(members) = json else { return Err(Malformed) };
    Ok(Ref { by: string(members, "by")?.parse().map_err(|_| Malformed)?, id: id(string(members, "id")?)? })
}

fn read_receipt(members: &Object) -> Result<Receipt, Malformed> {
    let list = |name: &str| match members.get(name) {
        Some(Json::Array(refs)) if refs.len() <= MAX_REFS => refs.iter().map(reference).collect(),
        _ => Err(Malformed),
    };
    Ok(Receipt { delivered: list("delivered")?, read: list("read")? })
}

pub(super) fn item(json: &Json) -> Result<Item, Malformed> {
    let Json::Object(members) = json else { return Err(Malformed) };
    Ok(Item {
        key: string(members, "key")?.to_owned(),
        value: members.get("value").cloned().ok_or(Malformed)?,
        counter: match members.get("counter") {
            Some(Json::Integer(counter)) => u64::try_from(*counter).map_err(|_| Malformed)?,
            _ => return Err(Malformed),
        },
        device: string(members, "device")?.parse().map_err(|_| Malformed)?,
    })
}

fn head((chain, head): (&String, &Json)) -> Result<(KeyId, (u64, kez_core::Hash)), Malformed> {
    let chain = chain.parse().map_err(|_| Malformed)?;
    match head {
        Json::Array(parts) => match parts.as_slice() {
            [Json::Integer(seq), Json::String(id)] => {
                let seq = u64::try_from(*seq).ok().filter(|&seq| seq > 0).ok_or(Malformed)?;
                Ok((chain, (seq, id.parse().map_err(|_| Malformed)?)))
            }
            _ => Err(Malformed),
        },
        _ => Err(Malformed),
    }
}
