//! What an owner has: the identity that this browser holds, with its verified chain. Whoever shows it says so here once, and
//! is told whenever it is another one; this file knows none of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kez_core::sigchain::Body;

use super::fetch::{Fetched, Trouble};
use super::standing::{Out, look};
use crate::task::Later;
use crate::vault::{self, Identity};

/// The identity that is shown, with its verified chain.
pub(super) struct Own {
    pub(super) identity: Identity,
    pub(super) fetched: RefCell<Fetched>,
}

/// What there is to show.
pub(super) enum News {
    /// The identity, as its chain is known here.
    Own(Rc<Own>),
    /// The key of this identity does not count any more, for this reason where the chain says one.
    Out(Identity, Option<Out>),
    /// Whether it counts could not be found out.
    Unknown(Trouble),
}

/// Shows news.
pub(super) type Show = fn(News) -> Later<()>;

thread_local! {
    /// What the page shows; buttons act on it.
    static OWN: RefCell<Option<Rc<Own>>> = const { RefCell::new(None) };
    static SHOW: Cell<Option<Show>> = const { Cell::new(None) };
}

/// News are shown by `show` from now on.
pub(super) fn shown_by(show: Show) {
    SHOW.set(Some(show));
}

/// What the page shows.
pub(super) fn shown() -> Option<Rc<Own>> {
    OWN.with_borrow(Clone::clone)
}

/// Reads the chain anew and shows it.
pub(super) async fn reload(identity: Identity) {
    match look(&identity).await {
        Ok(Ok(fetched)) => keep(identity, fetched).await,
        Ok(Err(why)) => tell(None, News::Out(identity, why)).await,
        Err(trouble) => tell(None, News::Unknown(trouble)).await,
    }
}

/// Shows an identity with its chain as it is known here, which may be newer than what the server has taken in.
pub(super) async fn keep(identity: Identity, fetched: Fetched) {
    let own = Rc::new(Own { identity, fetched: RefCell::new(fetched) });
    tell(Some(Rc::clone(&own)), News::Own(own)).await;
}

async fn tell(own: Option<Rc<Own>>, news: News) {
    OWN.set(own);
    if let Some(show) = SHOW.get() {
        show(news).await;
    }
}

impl Own {
    /// Signs with this browser's key, and shows what came of it.
    pub(super) async fn sign(&self, body: &Body) -> Result<(), Trouble> {
        let secret = vault::open(&self.identity.key).await?;
        // The chain is taken out while it is worked on: nothing else may be built on it meanwhile.
        let mut fetched = self.fetched.replace(Fetched::empty(self.identity.chain));
        let done = fetched.sign(body, &secret).await;
        self.fetched.replace(fetched);
        drop(secret);
        reload(self.identity.clone()).await;
        done
    }
}
