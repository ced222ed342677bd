//! Why an event is refused.

use std::fmt;

use crate::problem::{Code, Problem};

macro_rules! reasons {
    ($($variant:ident $text:literal $detail:literal;)*) => {
        /// The one reason why an event is refused, in the order of the checks. The set is closed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $(#[doc = $detail] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of the checks.
            pub const ALL: &[Reason] = &[$(Reason::$variant),*];

            /// The reason as it stands in a problem's `reason` member, for example `stale-prev`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $text),* }
            }

            /// One sentence that tells the signer what to do.
            #[must_use]
            pub const fn detail(self) -> &'static str {
                match self { $(Reason::$variant => $detail),* }
            }
        }
    };
}

reasons! {
    BadEnvelope "bad-envelope" "Send a sigchain event whose members are all there and of the right kind.";
    UnknownMember "unknown-member" "Leave out the members that this type of event does not define.";
    TooLarge "too-large" "Keep an event within 8192 canonical bytes.";
    WrongChain "wrong-chain" "Sign for this chain: `chain` is the id of its genesis key.";
    BadAlg "bad-alg" "Sign with `ed25519-sha512-jcs`.";
    BadRotationKeys "bad-rotation-keys" "List one to five rotation keys, each of them once.";
    BadKeyEncoding "bad-key-encoding" "Write keys as ed25519: (encryption keys as x25519:) and 64 lower-case hex digits of a usable key.";
    BadSigEncoding "bad-sig-encoding" "Write signatures as 128 lower-case hex digits.";
    NonCanonicalS "non-canonical-s" "Sign again: the second half of a signature is not below the group's order.";
    BadSignature "bad-signature" "Sign again: the signature is not this key's over the canonical payload.";
    BadReceivedAt "bad-received-at" "Keep the entries in the order in which they were received, with times written YYYY-MM-DDTHH:MM:SSZ.";
    Duplicate "duplicate" "Leave this entry out: the log has the event already.";
    BadGenesis "bad-genesis" "Begin the chain with a genesis event, whose `seq` is 1 and whose `prev` is null.";
    SecondGenesis "second-genesis" "Leave this event out: the chain has its genesis.";
    StalePrev "stale-prev" "Fetch the chain's head, and sign again with it as `prev`.";
    BadSeq "bad-seq" "Sign again with a `seq` that is one more than that of the event that `prev` names.";
    ForkNotRotation "fork-not-rotation" "Fetch the chain's head, and sign again with it as `prev`: only `rotate_primary` may follow an earlier event.";
    InsufficientAuthority "insufficient-authority" "Sign with a rotation key that stands above the signers of all events that this one would displace.";
    RecoveryWindowClosed "recovery-window-closed" "Sign on top of the head: the first event that this one would displace was received more than 72 hours ago.";
    UnknownCriticalType "unknown-critical-type" "Send a type of event that is known here, or mark it with `critical` false.";
    Deactivated "deactivated" "Send nothing more: the chain is deactivated.";
    KeyRevoked "key-revoked" "Sign with another key: this one was revoked.";
    KeyNotAuthorised "key-not-authorised" "Sign with a key that may sign this event.";
    GenesisNotSelfSigned "genesis-not-self-signed" "Sign the genesis with the chain's own key, which is also its `primary`.";
    PrimaryNotInRotationKeys "primary-not-in-rotation-keys" "List the primary among the rotation keys.";
    KeyReuse "key-reuse" "Use a fresh key: a key has one role in a chain, and never a second one.";
    UnknownKey "unknown-key" "Name one of the chain's active devices.";
    UnknownClaim "unknown-claim" "Name one of the chain's current claims by its id.";
    WrongServer "wrong-server" "Name the server where the chain is now.";
    BadPossessionProof "bad-possession-proof" "Let the new key sign for this very place in the chain.";
    LimitReached "limit-reached" "Remove something first: the chain holds as much of this as the server takes.";
}

impl Reason {
    /// The problem that a server answers with when it refuses an event for this reason.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Reason::StalePrev | Reason::ForkNotRotation => Code::ChainConflict,
            Reason::KeyNotAuthorised | Reason::KeyRevoked | Reason::InsufficientAuthority => Code::KeyNotAuthorised,
            Reason::TooLarge => Code::PayloadTooLarge,
            _ => Code::InvalidEvent,
        }
    }

    /// The same as the problem of an envelope that is looked at alone.
    pub(crate) fn as_envelope_problem(self) -> Problem {
        let code = match self {
            Reason::TooLarge => Code::PayloadTooLarge,
            Reason::BadAlg => Code::UnsupportedAlg,
            Reason::BadKeyEncoding => Code::MalformedKey,
            Reason::NonCanonicalS | Reason::BadSignature => Code::BadSignature,
            _ => Code::MalformedEnvelope,
        };
        Problem::new(code, self.detail())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Reason {}
