//! Ids of what is signed here: no two answers have one, also when the same question comes twice.

use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::BASE64URL_NOPAD;

/// Gives out ids (`jti`), each once.
pub struct Ids {
    /// Tells this process from every other one that signs with the same key.
    process: String,
    given: AtomicU64,
}

impl Ids {
    /// Ids of a process, told apart from those of others by 256 random bits.
    #[must_use]
    pub fn new(random: &[u8; 32]) -> Self {
        Ids { process: BASE64URL_NOPAD.encode(random), given: AtomicU64::new(0) }
    }

    /// An id that was never given before.
    pub(super) fn next(&self) -> String {
        format!("{}.{}", self.process, self.given.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_comes_twice() {
        let (one, other) = (Ids::new(&[1; 32]), Ids::new(&[2; 32]));
        let given: std::collections::HashSet<String> =
            [&one, &other].into_iter().flat_map(|ids| (0..100).map(|_| ids.next())).collect();
        assert_eq!(given.len(), 200);
    }
}
