//! How the memory for caches is shared out.

use super::Config;

/// What each cache may take, in bytes, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheShares {
    /// Ready answers about handles.
    pub(crate) answers: u64,
    /// Identities by key, for logins at the broker.
    pub(crate) keys: u64,
    /// Verified chains of this process.
    pub(crate) chains: u64,
    /// Verified chains of the server that is followed. They go on where they ended, so that old ones are seldom needed.
    pub(crate) followed: u64,
}

impl Config {
    /// The shares of `--cache-mib`.
    pub(crate) fn cache(&self) -> CacheShares {
        let all = u64::from(self.cache_mib) << 20;
        CacheShares { answers: all / 8, keys: all / 16, chains: all / 16 * 13, followed: all / 4 }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn cache(flags: &[&str]) -> Option<CacheShares> {
        let config = Config::try_parse_from(["kez-chat-server"].iter().chain(flags)).ok()?;
        Some(config.cache())
    }

    #[test]
    fn the_shares_are_all_there_is() {
        let shares = cache(&[]).expect("good flags");
        assert_eq!(shares.answers + shares.keys + shares.chains, 256 << 20);
        assert_eq!(cache(&["--cache-mib", "16"]).map(|shares| shares.chains), Some(13 << 20));
        assert_eq!(cache(&["--cache-mib", "7"]), None);
    }
}
