//! Whether a contact request speaks for who it says it is from, and where one to somebody goes.

use std::cell::RefCell;

use kez_core::contact_request::{Pace, Received, SignedRequest, Wait};
use kez_core::sigchain::{Chain, MAX_AUDIT_BYTES};
use kez_core::{Handle, Hash, KeyId, ServerName, Timestamp};

use super::fetch::{Trouble, holder_of, proven};
use crate::api::{Failure, Holder};
use crate::browser;

/// What a contact request turned out to be.
#[derive(Debug)]
pub(crate) enum Judged {
    /// It speaks for the identity that it is from, which has this handle.
    Theirs(Received, Handle),
    /// It does not.
    Nobodys,
    /// The log of who it says it is from is too large to be read.
    TooLarge,
    /// That cannot be found out at the moment.
    NotNow,
}

/// Seconds for which a sender's chain is believed to be the newest.
const FRESH: u64 = 60;
/// Senders whose chains are kept.
const MAX_KEPT: usize = 16;

struct Kept {
    from: KeyId,
    head: Option<Hash>,
    at: Timestamp,
    /// None when the log is too large to be read.
    found: Option<(Chain, Handle)>,
}

thread_local! {
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
    static PACE: RefCell<Pace> = RefCell::default();
}

/// Judges a request by the chain of the identity that it says it is from. That is fetched when its head is another one than
/// before, and not too often.
pub(super) async fn judge(signed: &SignedRequest, server: &ServerName) -> Judged {
    let from = signed.claimed_from();
    let fresh = kept(|kept| kept.from == from && browser::now().abs_diff(kept.at) < FRESH, signed);
    if let Some(judged @ (Judged::Theirs(..) | Judged::TooLarge)) = fresh {
        return judged;
    }
    let holder = match holder_of(&signed.signer()).await {
        Ok(holder) => holder.filter(|holder| holder.chain == from),
        Err(_) => return Judged::NotNow,
    };
    let Some(holder) = holder else { return Judged::Nobodys };
    if let Some(judged) = kept(|kept| kept.from == from && kept.head == holder.head, signed) {
        return judged;
    }
    loop {
        let began = PACE.with_borrow_mut(|pace| pace.begin(&from, browser::now()));
        match began {
            Ok(()) => break,
            Err(Wait::Sender) => return Judged::NotNow,
            Err(Wait::Everybody(seconds)) => browser::sleep(i32::try_from(seconds).unwrap_or(60) * 1_000).await,
        }
    }
    let head = holder.head;
    let (found, bytes) = match fetch(holder, server).await {
        Ok((chain, handle)) => {
            let bytes = chain.bytes() as usize * 2;
            (Some((chain, handle)), bytes)
        }
        Err(Trouble::TooMuch(_)) => (None, MAX_AUDIT_BYTES),
        // Released in this moment.
        Err(Trouble::Api(failure)) if failure.is_nobody() => return Judged::Nobodys,
        Err(Trouble::Api(_) | Trouble::MovedOn) => return Judged::NotNow,
        Err(_) => return Judged::Nobodys,
    };
    PACE.with_borrow_mut(|pace| pace.end(&from, bytes));
    keep(Kept { from, head, at: browser::now(), found });
    kept(|kept| kept.from == from, signed).unwrap_or(Judged::NotNow)
}

/// The judgement by a chain that is kept.
fn kept(is_it: impl Fn(&Kept) -> bool, signed: &SignedRequest) -> Option<Judged> {
    KEPT.with_borrow(|all| {
        let kept = all.iter().find(|kept| is_it(kept))?;
        Some(match &kept.found {
            None => Judged::TooLarge,
            Some((chain, handle)) => match signed.clone().by(chain) {
                Ok(request) => Judged::Theirs(request, handle.clone()),
                Err(_) => Judged::Nobodys,
            },
        })
    })
}

async fn fetch(holder: Holder, server: &ServerName) -> Result<(Chain, Handle), Trouble> {
    let handle: Handle = holder.handle.parse().map_err(|_| Failure::Odd)?;
    let (proven, fetched) = proven(&handle, server).await?;
    if proven.chain == holder.chain { Ok((fetched.chain, handle)) } else { Err(Trouble::MovedOn) }
}

fn keep(new: Kept) {
    KEPT.with_borrow_mut(|kept| {
        kept.retain(|old| old.from != new.from);
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
        Err(Trouble::TooMuch(what)) => Err(format!("Nothing was sent. {what}")),
        Err(trouble) => Err(format!("Nothing was sent: this card does not prove itself. {}", trouble.advice())),
    }
}
