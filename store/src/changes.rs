//! What changed, told to whoever remembers something of a database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kez_core::{Handle, KeyId};

/// Something that changed, or may have: a commit that was reported as failed may have reached the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The identity's chain.
    pub chain: KeyId,
    /// How many entries the chain's log has by now; none where nothing was added to it here.
    pub entries: Option<u64>,
    /// The identity's handle; none where it has none.
    pub handle: Option<Handle>,
    /// The keys that it is about, each with whether it ends what the key may do.
    pub keys: Vec<(KeyId, bool)>,
}

/// Hears of every change to a database, whoever makes it.
pub trait Listener: Send + Sync + 'static {
    /// This changed. It is durable, and nobody who asked for it has heard so yet; they may have gone away.
    fn changed(&self, change: &Change);

    /// Whether changes are heard of from now on. While they are not, nothing that is remembered may be believed, and what was
    /// remembered before is worth nothing once they are again. They are heard as long as this is not called.
    fn hears(&self, is_heard: bool);
}

/// Whether changes are heard of, for everything that remembers something to ask.
#[derive(Clone, Debug)]
pub struct Hearing(Arc<AtomicBool>);

impl Default for Hearing {
    fn default() -> Self {
        Hearing(Arc::new(AtomicBool::new(true)))
    }
}

impl Hearing {
    /// Whether what is remembered may be believed.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Takes note of what [`Listener::hears`] said.
    pub fn set(&self, is_on: bool) {
        self.0.store(is_on, Ordering::Release);
    }
}

/// Nobody who remembers anything.
impl Listener for () {
    fn changed(&self, _: &Change) {}

    fn hears(&self, _: bool) {}
}
