//! Who asks to be in touch, by the chains of their identities. A chain is fetched when its head is another one than before,
//! and not too often; meanwhile what is known is believed.

use std::collections::VecDeque;

use kez_core::contact_request::{Pace, Received, SignedRequest, Wait};
use kez_core::sigchain::MAX_AUDIT_BYTES;
use kez_core::{Handle, Hash, KeyId, Problem, Timestamp};

use super::identity::{ProvenIdentity, Whose};
use crate::commands::home::Home;
use crate::failure::{Failure, Local};
use crate::system;

/// Seconds for which a chain is believed to be the newest.
const FRESH: u64 = 60;
/// Events of the chains that are kept, some ten megabytes.
const MAX_KEPT: usize = 20_000;

/// The senders that were looked up lately.
#[derive(Default)]
pub(in crate::commands) struct Senders {
    pace: Pace,
    /// The last to be looked up first.
    kept: VecDeque<Kept>,
}

struct Kept {
    from: KeyId,
    head: Option<Hash>,
    at: Timestamp,
    /// Who it is, or why that cannot be read.
    found: Result<ProvenIdentity, Failure>,
}

/// What a request turned out to be.
pub(in crate::commands) enum Judgement {
    /// It speaks for the identity that it is from, which has this handle, if the server proves one.
    Theirs(Received, Option<Handle>),
    /// It does not.
    Nobodys(Problem),
    /// Nobody can verify it: the log of its sender is too large.
    Unreadable(Failure),
    /// It has to wait in the inbox, for this reason.
    NotNow(Failure),
    /// Everything has to wait for so many seconds.
    Later(u64),
}

impl Senders {
    /// Judges a request by the chain of the identity that it says it is from.
    pub(in crate::commands) fn judge(&mut self, home: &Home, signed: &SignedRequest) -> Judgement {
        let (from, now) = (signed.claimed_from(), system::now());
        if let Some(kept) = self.kept.iter().find(|kept| kept.from == from && kept.at.abs_diff(now) < FRESH)
            && let Some(theirs) = kept.accepts(signed)
        {
            return theirs;
        }
        let whose = match Whose::of(home, &from, &signed.signer()) {
            Ok(whose) => whose,
            Err(failure) => return Judgement::NotNow(failure),
        };
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.from == from && kept.head == whose.head) {
            kept.at = now;
            return kept.judge(signed);
        }
        match self.pace.begin(&from, now) {
            Ok(()) => {}
            Err(Wait::Everybody(seconds)) => return Judgement::Later(seconds),
            Err(Wait::Sender) => {
                let detail = "This sender's chain was fetched less than a minute ago, and changed since.";
                return Judgement::NotNow(Failure::new(Local::NotVerified, detail));
            }
        }
        let head = whose.head;
        let found = ProvenIdentity::of(home, &from, whose);
        self.pace.end(&from, found.as_ref().map_or(MAX_AUDIT_BYTES, ProvenIdentity::size));
        if let Err(failure) = &found
            && !failure.is_local(Local::LogTooLarge)
        {
            return Judgement::NotNow(failure.clone());
        }
        let kept = Kept { from, head, at: now, found };
        let judgement = kept.judge(signed);
        self.keep(kept);
        judgement
    }

    fn keep(&mut self, new: Kept) {
        self.kept.retain(|kept| kept.from != new.from);
        self.kept.push_front(new);
        let mut events = 0;
        self.kept.retain(|kept| {
            // What cannot be read, and who has no chain, take room too.
            events += 8 + kept.found.as_ref().map_or(0, |identity| identity.chain.entries());
            events <= MAX_KEPT
        });
    }
}

impl Kept {
    fn judge(&self, signed: &SignedRequest) -> Judgement {
        match &self.found {
            Err(failure) => Judgement::Unreadable(failure.clone()),
            Ok(identity) => match signed.clone().by(&identity.chain) {
                Ok(received) => Judgement::Theirs(received, identity.handle.clone()),
                Err(problem) => Judgement::Nobodys(problem),
            },
        }
    }

    /// The judgement, unless that is for a newer chain to make.
    fn accepts(&self, signed: &SignedRequest) -> Option<Judgement> {
        Some(self.judge(signed)).filter(|judgement| !matches!(judgement, Judgement::Nobodys(_)))
    }
}
