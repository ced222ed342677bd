//! The chain of the identity that this browser holds: what its page shows, and whether its key still stands.

use std::cell::RefCell;
use std::rc::Rc;

use kez_core::sigchain::RevokedFor;
use kez_core::{Handle, KeyId, ServerName};

use super::fetch::{Fetched, Trouble, holder_of, proven};
use super::{backup, claims, devices};
use crate::api::Failure;
use crate::browser::{draw, mark, tell};
use crate::place::server_name;
use crate::task::spawn;
use crate::vault::{self, Identity};

/// The identity that is shown, with its verified chain.
pub(super) struct Own {
    pub(super) identity: Identity,
    pub(super) fetched: RefCell<Fetched>,
}

thread_local! {
    /// What the page shows; buttons act on it.
    static OWN: RefCell<Option<Rc<Own>>> = const { RefCell::new(None) };
}

/// What the page shows.
pub(super) fn shown() -> Option<Rc<Own>> {
    OWN.with_borrow(Clone::clone)
}

/// Shows an identity, which is another one than before, or the same with something changed.
pub(super) fn show(identity: Identity) {
    backup::listen();
    devices::listen();
    claims::listen();
    spawn(reload(identity));
}

/// Reads the chain anew and shows it.
pub(super) async fn reload(identity: Identity) {
    match look(&identity).await {
        Ok(Ok(fetched)) => display(identity, fetched).await,
        Ok(Err(why)) => {
            OWN.set(None);
            for section in ["backup", "devices", "claims", "release"] {
                mark(section, "hidden", Some(""));
            }
            let Some(why) = why else {
                return tell("standing", "This key stands for no handle on this server any more.");
            };
            // The handle has no character that means something in markup.
            tell("standing", &why.says(&identity.handle, BACK));
            draw("standing", &why.says(&identity.handle, BACK_THERE));
        }
        Err(trouble) => {
            OWN.set(None);
            tell("standing", &trouble.advice());
        }
    }
}

/// Shows an identity with its chain as it is known here, which may be newer than what the server has taken in.
pub(super) async fn display(identity: Identity, fetched: Fetched) {
    let own = Rc::new(Own { identity, fetched: RefCell::new(fetched) });
    OWN.set(Some(Rc::clone(&own)));
    tell("standing", "");
    backup::show(&own);
    devices::show(&own).await;
    claims::show(&own);
}

/// What speaks for an identity by this key, or why the key may not act for it, as far as the chain says.
type Look = Result<Fetched, Option<Out>>;

async fn look(identity: &Identity) -> Result<Look, Trouble> {
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
    if holder.chain != identity.chain {
        // Known now, and kept.
        vault::update(&Identity { chain: holder.chain, ..identity.clone() }).await?;
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
        Err(why) => Some(why?.says(&identity.handle, BACK)),
    }
}

/// What an owner can do who did not do it; and as markup, with where.
const BACK: &str = "get the identity back with your 24 words";
const BACK_THERE: &str = "<a href=\"/recover\">get the identity back with your 24 words</a>";

/// Why a key may not act for its identity.
#[derive(Clone, Copy)]
enum Out {
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

    /// `back` is one of the two ways to say it.
    fn says(self, handle: &Handle, back: &str) -> String {
        match self {
            Out::Ended => format!(
                "The identity {handle} was ended by its owner. Nothing can be done in its name any more. If that was not you, \
                 {back}, within 72 hours."
            ),
            Out::Removed => format!(
                "This browser was removed from {handle} by its owner. It can be added again with a new key: forget this one below, then add the browser."
            ),
            Out::Changed => format!(
                "The key of {handle} was changed, and the one in this browser does not count any more. If that was not you, {back}."
            ),
            Out::Undone => {
                format!(
                    "A recovery of {handle} undid what had brought this browser's key in. It does not count any more."
                )
            }
        }
    }
}
