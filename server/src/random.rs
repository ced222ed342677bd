//! Randomness: the one place that asks the operating system for it.

/// Random bytes for a key or another secret.
///
/// # Errors
/// When the system gives none, which ends whatever wanted them.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks for random bytes")]
pub fn key_bytes() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
