//! Proofs of claims: looked at where strangers say that they are, in an internet of the test's own on loopback.

mod documents;
mod endpoint;
mod gists;
mod names;
mod walls;
pub(crate) mod world;
