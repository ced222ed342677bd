//! Whether a key stands for its identity, as the chain has it; else why not.

use kez_core::sigchain::RevokedFor;
use kez_core::{Handle, KeyId, ServerName};

use super::fetch::{Fetched, Trouble, holder_of, proven};
use crate::api::Failure;
use crate::place::server_name;
use crate::vault::{self, Identity};

/// Whether the key of this identity counts; none where that cannot be found out.
pub(super) async fn counts_still(identity: &Identity) -> Option<bool> {
    look(identity).await.ok().map(|looked| looked.is_ok())
}

/// What speaks for an identity by this key, or why the key may not act for it, as far as the chain says.
pub(super) type Look = Result<Fetched, Option<Out>>;

/// Looks at the chain of `identity`, all of it verified.
pub(super) async fn look(identity: &Identity) -> Result<Look, Trouble> {
    let Some(holder) = holder_of(&identity.key).await? else {
        // Another server that keeps the chain knows of a new key first.
        return Ok(by_handle(identity).await?.unwrap_or(Err(None)));
    };
    if holder.chain != identity.chain && identity.chain != identity.key {
        return Err(Trouble::Odd("The server says that this key belongs to another identity than it did."));
    }
    let fetched = Fetched::of(&holder).await?;
    if !fetched.chain.is_spoken_for_by(&identity.key) {
        return Ok(Err(Out::of(&identity.key, &fetched)));
    }
    let primary = fetched.chain.state().map_or(holder.primary, |state| state.primary);
    let known = Identity { chain: holder.chain, primary, ..identity.clone() };
    if known != *identity {
        // Known now, and kept.
        vault::update(&known).await?;
    }
    Ok(Ok(fetched))
}

/// What the chain of who has the handle says of the key; none where that is another identity, or nobody.
async fn by_handle(identity: &Identity) -> Result<Option<Look>, Trouble> {
    let server: ServerName = server_name().parse().map_err(|_| Failure::Odd)?;
    let (holder, fetched) = match proven(&identity.handle, &server).await {
        Err(Trouble::Api(failure)) if failure.is_nobody() => return Ok(None),
        found => found?,
    };
    if holder.chain != identity.chain {
        return Ok(None);
    }
    let is_ours = fetched.chain.is_spoken_for_by(&identity.key);
    Ok(Some(if is_ours { Ok(fetched) } else { Err(Out::of(&identity.key, &fetched)) }))
}

/// Why the key of `identity` may not log in: none where its chain does not say, or cannot be had.
pub(super) async fn why_out(identity: &Identity) -> Option<String> {
    match by_handle(identity).await.ok()?? {
        Ok(_) => None,
        Err(why) => Some(why?.says(&identity.handle, false)),
    }
}

/// Why a key may not act for its identity.
#[derive(Clone, Copy)]
pub(super) enum Out {
    /// The identity was ended.
    Ended,
    /// It was a device, and was removed.
    Removed,
    /// It was the primary, and another took its place.
    Changed,
    /// What had brought it in was undone.
    Undone,
}

impl Out {
    /// None where the chain says that it may, or has nothing to say.
    fn of(key: &KeyId, fetched: &Fetched) -> Option<Out> {
        let state = fetched.chain.state()?;
        if !state.active {
            return Some(Out::Ended);
        }
        if state.devices.contains_key(key) || state.primary == *key {
            return None;
        }
        match state.revoked.get(key).map(|revocation| revocation.reason) {
            Some(RevokedFor::Device(_)) => Some(Out::Removed),
            _ if fetched.chain.had_primary(key) => Some(Out::Changed),
            _ => Some(Out::Undone),
        }
    }

    /// In words, or as markup, with the way on as a link.
    pub(super) fn says(self, handle: &Handle, as_markup: bool) -> String {
        let link = |to: &str, words: &str| {
            if as_markup { format!("<a href=\"{to}\">{words}</a>") } else { words.to_owned() }
        };
        let back = link("/recover", "get the identity back with your 24 words");
        let again = link("/join", "add this browser again");
        match self {
            Out::Ended => format!(
                "The identity {handle} was ended by its owner. Nothing can be done in its name any more. If that was not you, \
                 {back}, within 72 hours."
            ),
            Out::Removed => {
                format!("This browser was removed from {handle} by its owner. To use {handle} here, {again}.")
            }
            Out::Changed => format!(
                "The key of {handle} was changed, and the one in this browser does not count any more. If that was not you, {back}."
            ),
            Out::Undone => format!(
                "A recovery of {handle} undid what had brought this browser's key in. It does not count any more. To use \
                 {handle} here, {again}."
            ),
        }
    }
}
