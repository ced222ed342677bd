//! Random bytes for the library, which has to be given them: block i = SHA-256(seed ‖ i).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand_core::TryCryptoRng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A stream of random bytes, shared by all of its clones. It delivers once it was seeded.
#[derive(Clone, Default)]
pub(crate) struct Stream(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
    #[cfg(feature = "planted")]
    keys: Option<crate::Keys>,
}

#[cfg(feature = "planted")]
impl Stream {
    /// From here on it is written down which key sealed which message.
    pub(crate) fn record(&self, keys: Option<crate::Keys>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys = keys;
    }

    pub(crate) fn sealed(&self, key: &[u8], ciphertext: &[u8]) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(keys), Some(tag)) = (&state.keys, ciphertext.last_chunk::<16>()) {
            keys.lock().unwrap_or_else(PoisonError::into_inner).insert(*tag, key.to_vec());
        }
    }
}

impl Stream {
    /// Begins anew with 32 bytes of `rng`.
    ///
    /// # Errors
    /// What the generator gives when it cannot deliver.
    pub(crate) fn reseed<R: TryCryptoRng>(&self, rng: &mut R) -> Result<(), R::Error> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *seed)?;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.seed, state.counter) = (seed, 0);
        Ok(())
    }

    /// Fills `out`; no two calls get the same bytes.
    pub(crate) fn fill(&self, out: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for part in out.chunks_mut(32) {
            let mut hash = Sha256::new();
            hash.update(*state.seed);
            hash.update(state.counter.to_be_bytes());
            state.counter += 1;
            part.copy_from_slice(&Zeroizing::new(<[u8; 32]>::from(hash.finalize()))[..part.len()]);
        }
    }

    /// An array of random bytes.
    pub(crate) fn array<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(secret)")
    }
}
