//! Claims, as events carry them. Whether one can be checked, and where, is [`crate::claim`]'s.

use serde::Serialize;

use super::Reason;
use super::fields::{Fields, Flaws};
use crate::canonical::{Object, member, object};

/// The longest texts of a claim, in characters.
const MAX_CLAIM_TYPE: usize = 32;
const MAX_CLAIM_SUBJECT: usize = 253;
const MAX_CLAIM_PROOF: usize = 2_048;

/// What the identity says of itself, and where to check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The kind of claim, 1 to 32 characters.
    pub r#type: String,
    /// What is claimed, 1 to 253 characters.
    pub subject: String,
    /// Where the proof is, 1 to 2,048 characters.
    pub proof: String,
}

impl Claim {
    pub(super) fn read(mut fields: Fields, flaws: &mut Flaws) -> Result<Claim, Reason> {
        let claim = Claim {
            r#type: fields.text("type", MAX_CLAIM_TYPE)?,
            subject: fields.text("subject", MAX_CLAIM_SUBJECT)?,
            proof: fields.text("proof", MAX_CLAIM_PROOF)?,
        };
        fields.end(flaws);
        Ok(claim)
    }

    pub(super) fn to_object(&self) -> Object {
        object([member("type", &self.r#type), member("subject", &self.subject), member("proof", &self.proof)])
    }
}
