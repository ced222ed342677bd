//! Whether a contact request speaks for who it says it is from, and where one to somebody goes.

use std::cell::RefCell;

use kez_core::contact_request::SignedRequest;
use kez_core::sigchain::Chain;
use kez_core::{Handle, KeyId, ServerName, Timestamp};

use super::Judged;
use super::fetch::{Trouble, holder_of, proven};
use crate::api::Failure;
use crate::browser;

/// Seconds for which a sender's chain is believed to be the newest.
const FRESH: u64 = 60;
/// Senders whose chains are kept meanwhile.
const MAX_KEPT: usize = 16;

struct Kept {
    chain: Chain,
    handle: Handle,
    at: Timestamp,
}

thread_local! {
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Judges a request by the chain of the identity that it says it is from.
pub(super) async fn judge(signed: &SignedRequest, server: &ServerName) -> Judged {
    let from = signed.claimed_from();
    let kept = KEPT.with_borrow(|kept| {
        let fresh = kept.iter().find(|kept| kept.chain.id() == from && browser::now().abs_diff(kept.at) < FRESH)?;
        Some((signed.clone().by(&fresh.chain).ok()?, fresh.handle.clone()))
    });
    if let Some((request, handle)) = kept {
        return Judged::Theirs(request, handle);
    }
    match fetch(&signed.signer(), from, server).await {
        Ok(Some((chain, handle))) => {
            let judged = match signed.clone().by(&chain) {
                Ok(request) => Judged::Theirs(request, handle.clone()),
                Err(_) => Judged::Nobodys,
            };
            keep(Kept { chain, handle, at: browser::now() });
            judged
        }
        Ok(None) => Judged::Nobodys,
        // Released in this moment.
        Err(Trouble::Api(failure)) if failure.is_nobody() => Judged::Nobodys,
        Err(Trouble::Api(_) | Trouble::MovedOn) => Judged::NotNow,
        Err(_) => Judged::Nobodys,
    }
}

async fn fetch(signer: &KeyId, from: KeyId, server: &ServerName) -> Result<Option<(Chain, Handle)>, Trouble> {
    let Some(holder) = holder_of(signer).await?.filter(|holder| holder.chain == from) else { return Ok(None) };
    let handle: Handle = holder.handle.parse().map_err(|_| Failure::Odd)?;
    let (holder, fetched) = proven(&handle, server).await?;
    Ok((holder.chain == from).then_some((fetched.chain, handle)))
}

fn keep(new: Kept) {
    KEPT.with_borrow_mut(|kept| {
        kept.retain(|old| old.chain.id() != new.chain.id());
        kept.truncate(MAX_KEPT - 1);
        kept.insert(0, new);
    });
}

/// The chain key of who has `handle`, proven; `shown` has to be its primary. Else what to do.
pub(super) async fn reach(handle: &Handle, shown: &KeyId, server: &ServerName) -> Result<KeyId, String> {
    match proven(handle, server).await {
        Ok((holder, _)) if holder.primary == *shown && holder.active => Ok(holder.chain),
        Ok(_) => {
            Err("Nothing was sent: the key of this identity was changed just now. Load the page again.".to_owned())
        }
        Err(Trouble::Api(failure)) => Err(failure.advice()),
        Err(trouble) => Err(format!("Nothing was sent: this card does not prove itself. {}", trouble.advice())),
    }
}
