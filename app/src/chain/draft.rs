//! Recovery words that were made and shown, and putting them to use: they rank above the identity's key from the first event
//! of its chain on.

use std::cell::{Cell, RefCell};

use kez_core::sigchain::Body;
use kez_core::{KeyId, SigningKey, Timestamp};
use zeroize::Zeroizing;

use super::fetch::{Fetched, Trouble, holder_of};
use super::words;
use crate::api::Failure;
use crate::browser;
use crate::place::server_name;
use crate::vault::{self, Identity};

/// How many words are typed back.
const ASKED: usize = 3;
/// Milliseconds between two looks at whether somebody else is done.
const PAUSE: i32 = 50;

/// Words that are on the page.
pub(super) struct Draft {
    pub(super) identity: Identity,
    recovery: KeyId,
    pub(super) words: Zeroizing<String>,
    pub(super) made_at: Timestamp,
    /// Which words are asked for, from 0 and in order.
    pub(super) asked: [usize; ASKED],
    /// The chain that they began, once they count.
    began: Option<Fetched>,
}

thread_local! {
    static DRAFT: RefCell<Option<Draft>> = const { RefCell::new(None) };
    /// Whether they are being put to use.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// What `read` makes of the words on the page; nothing where there are none.
pub(super) fn with<T>(read: impl FnOnce(&Draft) -> T) -> Option<T> {
    DRAFT.with_borrow(|draft| draft.as_ref().map(read))
}

/// How it stands with words that are on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// They do nothing yet.
    Not,
    /// The server is being told.
    Busy,
    /// They count.
    Active,
}

/// How it stands with the words on the page; none where there are none.
pub(super) fn state() -> Option<Use> {
    with(|draft| match draft.began {
        Some(_) => Use::Active,
        None if BUSY.get() => Use::Busy,
        None => Use::Not,
    })
}

/// Makes a recovery key for `identity`. Its words do nothing yet.
pub(super) async fn make(identity: Identity) -> Result<(), Trouble> {
    let list = words::fetch().await?;
    let key = SigningKey::from_seed(&*vault::random()?);
    let mut asked = [0; ASKED];
    let chance = vault::random::<ASKED>()?;
    // One of each third, so that they are never the same.
    for (n, asked) in asked.iter_mut().enumerate() {
        *asked = n * 8 + usize::from(chance[n] % 8);
    }
    let (recovery, words, made_at) = (key.id(), list.of(&key), browser::now());
    DRAFT.set(Some(Draft { identity, recovery, words, made_at, asked, began: None }));
    Ok(())
}

/// Forgets the words; gives whose they are, and the chain that they began.
pub(super) fn take() -> Option<(Identity, Fetched)> {
    let Draft { identity, began, .. } = DRAFT.take()?;
    Some((identity, began?))
}

/// Until nobody is putting the words to use, or until so many milliseconds have passed.
pub(super) async fn settled(mut millis: i32) {
    while BUSY.get() && millis > 0 {
        browser::sleep(PAUSE).await;
        millis -= PAUSE;
    }
}

/// Puts the words to use, unless they are; whoever asks meanwhile waits for it.
pub(super) async fn activate() -> Result<(), Trouble> {
    settled(i32::MAX).await;
    let waiting = with(|draft| draft.began.is_none().then(|| (draft.identity.clone(), draft.recovery)));
    let Some((identity, recovery)) = waiting.flatten() else { return Ok(()) };
    BUSY.set(true);
    let done = put_above(&identity, recovery).await;
    BUSY.set(false);
    let began = done?;
    DRAFT.with_borrow_mut(|draft| {
        if let Some(draft) = draft.as_mut().filter(|draft| draft.recovery == recovery) {
            draft.began = Some(began);
        }
    });
    Ok(())
}

/// Begins the chain of `identity`, with the recovery key above its own.
async fn put_above(identity: &Identity, recovery: KeyId) -> Result<Fetched, Trouble> {
    let holder = holder_of(&identity.key).await?.ok_or(Trouble::Odd("This key no longer owns a handle here."))?;
    let mut fetched = Fetched::of(&holder).await?;
    if let Some(state) = fetched.chain.state() {
        // The answer to an earlier try was lost.
        let is_done = state.rotation_keys.contains(&recovery);
        return if is_done {
            Ok(fetched)
        } else {
            Err(Trouble::Odd("Another tab made recovery words, and these will never work. Load the page again."))
        };
    }
    let server = server_name().parse().map_err(|_| Failure::Odd)?;
    let body = Body::Genesis { primary: identity.key, rotation_keys: vec![recovery, identity.key], server };
    let secret = vault::open(&identity.key).await?;
    fetched.sign(&body, &secret).await?;
    Ok(fetched)
}
