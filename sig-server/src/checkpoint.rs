//! Checkpoints: what a chain came to when it was verified, kept in the store, so that a chain that left memory is not verified
//! again from its beginning whenever somebody asks for it.
//!
//! checkpoint = tag, then the loaded chain as bytes. The store is not trusted, so the tag is a MAC under a key that is made
//! from the receipt key's seed and is nowhere in the database: what carries it, this server wrote.

use hmac::{Hmac, KeyInit as _, Mac as _};
use kez_core::{KeyId, SigningKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::loaded::Loaded;

/// What the key is for, and in which version of it.
const PURPOSE: &[u8] = b"kez-sig-server/checkpoint/v1";
const TAG_BYTES: usize = 32;

/// Makes and recognises the tags of checkpoints.
#[derive(Clone)]
pub struct Seal(Hmac<Sha256>);

impl Seal {
    /// The seal of the server whose receipts `key` signs.
    #[must_use]
    pub fn of(key: &SigningKey) -> Seal {
        let derived = Zeroizing::new(keyed(&*key.seed()).chain_update(PURPOSE).finalize().into_bytes());
        Seal(keyed(&derived))
    }

    /// A loaded chain as bytes.
    pub(crate) fn close(&self, loaded: &Loaded) -> Vec<u8> {
        let content = loaded.freeze();
        let tag = self.over(&loaded.chain.id(), &content).finalize().into_bytes();
        [&tag, &content[..]].concat()
    }

    /// The loaded chain that these bytes are; none when this server did not make them of this chain, or another version of
    /// it did.
    pub(crate) fn open(&self, chain: &KeyId, bytes: &[u8]) -> Option<Loaded> {
        let (tag, content) = bytes.split_at_checked(TAG_BYTES)?;
        self.over(chain, content).verify_slice(tag).ok()?;
        Loaded::thaw(content).filter(|loaded| loaded.chain.id() == *chain)
    }

    fn over(&self, chain: &KeyId, content: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(chain.as_bytes()).chain_update(content)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}
