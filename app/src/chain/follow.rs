//! The chain of the identity that this browser holds: what its page shows, and whether its key still stands.

use std::cell::RefCell;
use std::rc::Rc;

use kez_core::ServerName;

use super::fetch::{Fetched, Trouble, holder_of, proven};
use super::{backup, claims, devices};
use crate::api::Failure;
use crate::browser::{mark, tell};
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
        Ok(Some(fetched)) => display(identity, fetched).await,
        Ok(None) => {
            OWN.set(None);
            for section in ["backup", "devices", "claims", "release"] {
                mark(section, "hidden", Some(""));
            }
            let why = why_out(&identity).await;
            tell(
                "standing",
                &why.unwrap_or_else(|| "This key stands for no handle on this server any more.".to_owned()),
            );
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
    claims::show(&own).await;
}

/// The chain of the identity; none when its key no longer stands for it.
async fn look(identity: &Identity) -> Result<Option<Fetched>, Trouble> {
    let Some(holder) = holder_of(&identity.key).await? else { return look_ahead(identity).await };
    if holder.chain != identity.chain && identity.chain != identity.key {
        return Err(Trouble::Odd("The server says that this key belongs to another identity than it did."));
    }
    let fetched = Fetched::of(&holder).await?;
    if !fetched.chain.is_spoken_for_by(&identity.key) {
        return Ok(None);
    }
    if holder.chain != identity.chain {
        // Known now, and kept.
        vault::update(&Identity { chain: holder.chain, ..identity.clone() }).await?;
    }
    Ok(Some(fetched))
}

/// The chain by the handle, where the server does not know the key: another server that keeps the chain knows first.
async fn look_ahead(identity: &Identity) -> Result<Option<Fetched>, Trouble> {
    let server: ServerName = server_name().parse().map_err(|_| Failure::Odd)?;
    let Ok((holder, fetched)) = proven(&identity.handle, &server).await else { return Ok(None) };
    let is_ours = holder.chain == identity.chain && fetched.chain.is_spoken_for_by(&identity.key);
    Ok(is_ours.then_some(fetched))
}

/// Why the key of `identity` may not log in: none where its chain does not say.
pub(super) async fn why_out(identity: &Identity) -> Option<String> {
    let server: ServerName = server_name().parse().ok()?;
    let (holder, fetched) = proven(&identity.handle, &server).await.ok()?;
    let handle = &identity.handle;
    if holder.chain != identity.chain {
        return None;
    }
    let state = fetched.chain.state()?;
    if !state.active {
        return Some(format!(
            "The identity {handle} was ended by its owner. Nothing can be done in its name any more. If that was not you, \
             get the identity back with your 24 words, within 72 hours."
        ));
    }
    if state.devices.contains_key(&identity.key) || state.primary == identity.key {
        return None;
    }
    let reason = state.revoked.get(&identity.key).map(|revocation| revocation.reason);
    Some(match reason {
        Some(kez_core::sigchain::RevokedFor::Device(_)) => format!(
            "This browser was removed from {handle} by its owner. It can be added again with a new key: forget this one below, then add the browser."
        ),
        _ if fetched.chain.had_primary(&identity.key) => format!(
            "The key of {handle} was changed, and the one in this browser does not count any more. If that was not you, \
             get the identity back with your 24 words."
        ),
        _ => {
            format!("A recovery of {handle} undid what had brought this browser's key in. It does not count any more.")
        }
    })
}
