//! The only place that asks the operating system for the time, for its environment and for randomness.

use std::ffi::{OsStr, OsString};
use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use kez_core::{SigningKey, Timestamp};

use crate::failure::{Failure, Local};

/// The machine's clock, cut to whole seconds.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// An environment variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether an environment variable is there without a value.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn is_set_to_nothing(name: &OsStr) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}

/// `N` random bytes.
#[expect(clippy::disallowed_methods, reason = "the one place that asks for random bytes")]
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(no_randomness)?;
    Ok(bytes)
}

/// A fresh key.
pub(crate) fn new_key() -> Result<SigningKey, Failure> {
    SigningKey::generate(&mut SysRng).map_err(no_randomness)
}

fn no_randomness(error: getrandom::Error) -> Failure {
    Failure::new(Local::Io, format!("The operating system gives no random numbers: {error}."))
}
