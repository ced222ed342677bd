use kez_core::Timestamp;

use crate::StoreError;
use crate::sqlite::answer::Answer;

/// What somebody asks for with an envelope that was admitted, and afterwards the answer or why there is none.
pub(in crate::sqlite) struct Asked<E, A, R> {
    pub(in crate::sqlite) envelope: E,
    pub(in crate::sqlite) now: Timestamp,
    pub(in crate::sqlite) answer: Answer<Result<A, R>>,
}

impl<E, A, R> Asked<E, A, R> {
    pub(in crate::sqlite) const fn new(envelope: E, now: Timestamp, answer: Answer<Result<A, R>>) -> Self {
        Asked { envelope, now, answer }
    }

    /// When it was asked for.
    pub(in crate::sqlite) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(in crate::sqlite) fn answer(self, committed: &Result<(), StoreError>) {
        self.answer.send(committed);
    }
}
