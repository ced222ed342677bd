//! What holds of every history of a sigchain, not only of those that somebody thought of.
#![cfg(not(target_arch = "wasm32"))]

mod story;

use kez_core::canonical;
use kez_core::receipt::Receipt;
use kez_core::sigchain::{Audit, Body, Chain, Entry, Failure, Place, Reason, RevokeReason, Unverified, verify};
use kez_core::{Hash, KeyId, SigningKey, Timestamp};
use proptest::prelude::*;
use proptest::sample::Index;
use story::{Story, stories};

/// What comes out of a log: the head and what was displaced.
fn verdict(chain: KeyId, entries: &[Entry]) -> Result<(Option<Hash>, Vec<Hash>), Failure> {
    let chain = verify(chain, entries.iter().cloned())?;
    Ok((chain.head().map(|head| head.hash), chain.nullified().to_vec()))
}

/// `entries` are refused, or come to something else than the story does.
fn differs(story: &Story, entries: &[Entry]) -> Result<(), TestCaseError> {
    let before = verdict(story.chain(), &story.entries());
    prop_assert!(before.is_ok(), "{before:?}");
    prop_assert_ne!(verdict(story.chain(), entries), before);
    Ok(())
}

fn forged(place: &Place, at: Timestamp) -> Entry {
    let thief = SigningKey::from_seed(&[0xee; 32]);
    let body = Body::RevokeKey { key: place.chain, reason: RevokeReason::Lost };
    let event = canonical::parse(&place.sign(&body, at, &thief)).expect("it was just made");
    Entry { event, received_at: Some(at) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A legal history verifies; replaying it and adding entry by entry come to the same, at every event of the chain.
    #[test]
    fn legal_histories_verify(story in stories()) {
        let replayed = verify(story.chain(), story.entries()).map_err(|failure| failure.to_string());
        let replayed = replayed.map_err(TestCaseError::fail)?;
        prop_assert_eq!(replayed.head(), story.incremental.head());
        prop_assert_eq!(replayed.state(), story.incremental.state());
        prop_assert_eq!(replayed.nullified(), story.incremental.nullified());
        for (seq, state) in (1..).zip(&story.states) {
            let replayed = replayed.state_at(seq);
            prop_assert_eq!(replayed.as_ref(), Some(state));
        }
        prop_assert_eq!(replayed.state_at(0), None);
        prop_assert_eq!(replayed.state_at(story.states.len() as u64 + 1), None);
        prop_assert_eq!(replayed.entries(), replayed.nullified().len() + story.states.len());
    }

    /// One byte of one event changed: that entry is refused, and no other one before it.
    #[test]
    fn tampering_is_found(story in stories(), picks in prop::collection::vec((any::<Index>(), any::<Index>(), 1..=255_u8), 12)) {
        for (which, at, difference) in picks {
            let mut entries = story.entries();
            let which = which.index(entries.len());
            let mut text = entries[which].event.to_canonical();
            let at = at.index(text.len());
            text[at] ^= difference;
            // What is no JSON is no entry.
            let Ok(event) = canonical::parse(&text) else { continue };
            entries[which].event = event;
            prop_assert_eq!(verdict(story.chain(), &entries).map_err(|failure| failure.index), Err(which));
        }
    }

    #[test]
    fn reordering_dropping_and_inserting_is_found(story in stories(), a in any::<Index>(), b in any::<Index>()) {
        let entries = story.entries();
        let (a, b) = (a.index(entries.len()), b.index(entries.len()));
        if a != b {
            let mut swapped = entries.clone();
            swapped.swap(a, b);
            differs(&story, &swapped)?;
            // Also with the times left where they were.
            let time = swapped[a].received_at;
            swapped[a].received_at = swapped[b].received_at;
            swapped[b].received_at = time;
            differs(&story, &swapped)?;
        }
        let mut dropped = entries.clone();
        dropped.remove(a);
        differs(&story, &dropped)?;

        let mut twice = entries.clone();
        let mut copy = entries[a].clone();
        copy.received_at = entries.last().and_then(|entry| entry.received_at);
        twice.push(copy);
        let failure = Failure { index: entries.len(), reason: Reason::Duplicate };
        prop_assert_eq!(verdict(story.chain(), &twice), Err(failure));

        let at = entries[b].received_at.expect("a story has times");
        let mut inserted = entries.clone();
        let place = verify(story.chain(), entries[..=b].to_vec()).expect("a story's beginning verifies").next();
        inserted.insert(b + 1, forged(&place, at));
        let failure = Failure { index: b + 1, reason: Reason::KeyNotAuthorised };
        prop_assert!(matches!(verdict(story.chain(), &inserted), Err(f) if f == failure || f.reason == Reason::Deactivated));
    }

    /// A chain that was put away as bytes goes on as if it had not been, and bytes that are cut off are none.
    #[test]
    fn a_chain_survives_as_bytes(story in stories(), at in any::<Index>()) {
        let entries = story.entries();
        let (first, rest) = entries.split_at(1 + at.index(entries.len()));
        let bytes = verify(story.chain(), first.to_vec()).expect("a story's beginning verifies").freeze();
        let mut chain = Chain::thaw(&bytes).expect("it was just made");
        prop_assert_eq!(&chain.freeze(), &bytes);
        for entry in rest {
            let event = Unverified::read(entry.event.clone()).expect("a story is made of events");
            prop_assert_eq!(chain.append(event, entry.received_at.expect("a story has times")), Ok(()));
        }
        prop_assert_eq!(chain.freeze(), story.incremental.freeze());
        prop_assert_eq!((chain.head(), chain.state()), (story.incremental.head(), story.incremental.state()));
        prop_assert_eq!((chain.nullified(), chain.bytes()), (story.incremental.nullified(), story.incremental.bytes()));
        for (seq, state) in (1..).zip(&story.states) {
            let thawed = chain.state_at(seq);
            prop_assert_eq!(thawed.as_ref(), Some(state));
        }
        prop_assert!(Chain::thaw(&bytes[..at.index(bytes.len())]).is_none());
        prop_assert!(Chain::thaw(&[&bytes[..], &[0]].concat()).is_none());
    }

    /// What was refused left no trace: the next entry is judged as if nothing had been.
    #[test]
    fn a_refusal_changes_nothing(story in stories()) {
        let mut chain = Chain::new(story.chain());
        for (entry, text) in story.entries().iter().zip(&story.texts) {
            let at = entry.received_at.expect("a story has times");
            let forged = Unverified::parse(&forged(&chain.next(), at).event.to_canonical());
            prop_assert!(chain.append(forged.expect("it has the shape of an event"), at).is_err());
            let event = Unverified::parse(text).expect("a story is made of events");
            prop_assert_eq!(chain.append(event, at), Ok(()));
        }
        prop_assert_eq!(chain.head(), story.incremental.head());
        prop_assert_eq!(chain.state(), story.incremental.state());
    }

    /// What a registry keeps of a chain event by event is what the whole chain comes to.
    #[test]
    fn summaries_add_up(story in stories()) {
        let mut chain = Chain::new(story.chain());
        let mut kept: Option<kez_core::sigchain::Summary> = None;
        for (entry, text) in story.entries().iter().zip(&story.texts) {
            let event = chain.authenticate(Unverified::parse(text).expect("a story is made of events"));
            let step = chain.judge(event.expect("it is signed"), entry.received_at.expect("a story has times"));
            let step = step.expect("a story is legal");
            let after = chain.summary_after(&step).expect("the step is next");
            chain.commit(step);
            prop_assert!(after.since == 0 || after.since == chain.entries() as u64 - 1);
            kept = Some(match kept {
                None => after,
                Some(before) => before.then(after),
            });
            prop_assert_eq!(&kept, &chain.summary());
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), story in stories(), at in any::<Index>(), piece in "[{}\\[\\]\",:0-9a-z]{0,3}") {
        let _ = Audit::parse(&bytes).map(Audit::verify);
        let mut text = story.texts[0].clone();
        let at = at.index(text.len());
        text.splice(at..at, piece.into_bytes());
        let _ = Unverified::parse(&text);
        let _ = Receipt::verify(&text);
        let _ = Chain::thaw(&bytes);
        let mut frozen = story.incremental.freeze();
        let place = at % frozen.len();
        frozen.splice(place..place, bytes);
        let _ = Chain::thaw(&frozen);
    }
}
