//! What goes wrong on the way to a proof, and what is said about it.

use super::dns::Unresolved;
use super::{State, Verdict};

/// Why there is nothing to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The name has no address, or one where this server does not go. Which of the two is not told: who asks could map
    /// the network that this server is in.
    NoPublicAddress,
    /// No name server can say.
    Unresolved,
    /// Nobody takes the connection.
    NotConnected,
    /// TLS fails, or the certificate is not the name's.
    NotSecure,
    /// What comes is no answer of HTTP, or breaks off.
    NoAnswer,
    /// It was not all there in time.
    TooSlow,
    /// The host has a fault of its own.
    Fault,
    /// There is nothing at this address.
    Nothing,
    /// The host does not show it.
    NotShown,
    /// The answer is too large.
    TooLarge,
    /// The answer is in an encoding that was not asked for.
    Encoded,
    /// Too many redirects.
    TooManyRedirects,
    /// A redirect to what is no HTTPS, has credentials, names an address, or leads to somebody else.
    BadRedirect,
}

impl From<Unresolved> for Trouble {
    fn from(_: Unresolved) -> Self {
        Trouble::Unresolved
    }
}

impl From<Trouble> for Verdict {
    fn from(trouble: Trouble) -> Self {
        use State::{Failed, Unreachable};
        let (state, detail) = match trouble {
            Trouble::NoPublicAddress => (Unreachable, "The host has no public address."),
            Trouble::Unresolved => (Unreachable, "No name server says where to look."),
            Trouble::NotConnected => (Unreachable, "The host does not take connections."),
            Trouble::NotSecure => (Unreachable, "The host has no certificate for its name that can be believed."),
            Trouble::NoAnswer => (Unreachable, "The host gives no whole answer."),
            Trouble::TooSlow => (Unreachable, "There was no whole answer in time."),
            Trouble::Fault => (Unreachable, "The host has a fault, or is asked too often."),
            Trouble::Nothing => (Failed, "There is nothing where the proof should be."),
            Trouble::NotShown => (Failed, "The host does not show what is where the proof should be."),
            Trouble::TooLarge => (Failed, "What is there is larger than 64 KiB."),
            Trouble::Encoded => (Failed, "What is there is compressed, which was not asked for."),
            Trouble::TooManyRedirects => (Failed, "There are more than 3 redirects."),
            Trouble::BadRedirect => (Failed, "A redirect leads to where proofs are not looked for."),
        };
        Verdict { state, detail: Some(detail) }
    }
}
