//! What is wrong at the broker at the moment, in words for whoever asks whether the server is ready.

use std::sync::{Mutex, PoisonError};

use super::kind::Kind;

/// What was found last.
pub(super) struct Health {
    inboxes: Mutex<Option<String>>,
    mail: Mutex<Option<String>>,
    clock: Mutex<Option<String>>,
}

impl Default for Health {
    /// Nothing is known yet, so nothing is in order.
    fn default() -> Self {
        Health {
            inboxes: Mutex::new(Some("the inboxes are not looked through yet".to_owned())),
            mail: Mutex::new(Some("the mailboxes are not looked through yet".to_owned())),
            clock: Mutex::new(Some("the broker's clock is not known yet".to_owned())),
        }
    }
}

impl Health {
    /// What is wrong, if anything is.
    pub(super) fn trouble(&self) -> Option<String> {
        let said = |part: &Mutex<Option<String>>| part.lock().unwrap_or_else(PoisonError::into_inner).clone();
        said(&self.inboxes).or_else(|| said(&self.mail)).or_else(|| said(&self.clock))
    }

    /// Stream and consumers are in order, or this is why not.
    pub(super) fn set_boxes(&self, kind: Kind, trouble: Option<String>) {
        let part = match kind {
            Kind::Inbox => &self.inboxes,
            Kind::Mail => &self.mail,
        };
        *part.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// The clocks agree well enough, or this is why not.
    pub(super) fn set_clock(&self, trouble: Option<String>) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}
