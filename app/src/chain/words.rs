//! The list that recovery words are of. It is a file of its own: it is needed in one minute of an identity's life.

use kez_core::recovery::Words;

use super::fetch::Trouble;
use crate::api::{self, Failure};
use crate::browser;

/// Fetches the list. What is not the published one is not taken: another list would make words that lead nowhere else.
pub(super) async fn fetch() -> Result<Words, Trouble> {
    let answer = browser::get("/bip39-english.txt", None).await.map_err(Failure::from)?;
    if answer.status != 200 {
        return Err(api::refusal(&answer).into());
    }
    let list = String::from_utf8(answer.body).ok().and_then(Words::read);
    list.ok_or(Trouble::Odd(
        "What this server gave as the list of words is not the published one. Do not write any down.",
    ))
}
