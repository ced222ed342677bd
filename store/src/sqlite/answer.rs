//! Who waits for what.

use tokio::sync::oneshot;

use crate::StoreError;

/// The answer to one caller, who hears it once everything is durable.
pub(super) struct Answer<T> {
    reply: oneshot::Sender<Result<T, StoreError>>,
    answer: Result<T, StoreError>,
}

impl<T> Answer<T> {
    /// The place for an answer, and the caller's end of it.
    pub(super) fn new() -> (Self, oneshot::Receiver<Result<T, StoreError>>) {
        let (reply, caller) = oneshot::channel();
        let answer = Err(StoreError::Unavailable("it was not looked at".to_owned()));
        (Answer { reply, answer }, caller)
    }

    /// Takes note of what to answer, should the commit succeed.
    pub(super) fn put(&mut self, answer: Result<T, StoreError>) {
        self.answer = answer;
    }

    /// What was noted, if it is no failure.
    pub(super) fn noted(&self) -> Option<&T> {
        self.answer.as_ref().ok()
    }

    /// Answers, given how the commit went.
    pub(super) fn send(self, committed: &Result<(), StoreError>) {
        // A caller that went away does not wait for its answer; the change stands.
        let _ = self.reply.send(committed.clone().and(self.answer));
    }
}
