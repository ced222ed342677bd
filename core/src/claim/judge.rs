//! Whether what was found proves a claim. The chain's key stands there as a whole: nothing is searched for within texts.

use super::{Evidence, Kind};
use crate::canonical::{Json, parse};
use crate::key::KeyId;

/// What somebody publishes to prove a claim of this type for the identity of `chain`: the value of the TXT record, the
/// whole JSON document, or a line of the gist.
#[must_use]
pub fn proof_text(kind: Kind, chain: &KeyId) -> String {
    match kind {
        Kind::Dns | Kind::Github => token(chain),
        Kind::Https => format!(r#"{{"kez":"claims","chains":["{chain}"]}}"#),
    }
}

impl Evidence {
    /// Whether `found` proves that whoever can write there stands for `chain`. `found` is the value of one TXT record
    /// with its strings joined, a whole document, or a gist's whole text.
    #[must_use]
    pub fn proves(&self, chain: &KeyId, found: &[u8]) -> bool {
        match self {
            Evidence::Txt(_) => found == token(chain).as_bytes(),
            Evidence::Document(_) => document_names(chain, found),
            Evidence::Gist(_) => {
                let token = token(chain);
                found.split(|byte| *byte == b'\n').any(|line| line.trim_ascii() == token.as_bytes())
            }
        }
    }
}

/// Whether a document is `{"kez": "claims", "chains": […]}` with the chain in its list. Other members are not read.
fn document_names(chain: &KeyId, document: &[u8]) -> bool {
    let Ok(Json::Object(members)) = parse(document) else { return false };
    let is_ours = matches!(members.get("kez"), Some(Json::String(tag)) if tag == "claims");
    let Some(Json::Array(chains)) = members.get("chains") else { return false };
    let chain = chain.to_string();
    is_ours && chains.iter().any(|named| matches!(named, Json::String(text) if *text == chain))
}

/// The text that names a chain, in a record or on a line.
fn token(chain: &KeyId) -> String {
    format!("kez={chain}")
}
