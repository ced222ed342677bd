//! What has to be true of a history in the end.

use std::collections::BTreeSet;
use std::fmt;

use kez_conversation::Body;

use super::World;

/// Something that is not true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A device lacks a text that was said when it was in the conversation.
    Missing { device: usize, text: String },
    /// A device shows something twice.
    Twice { device: usize, text: String },
    /// A device that was revoked reads what was said more than a minute later.
    ReadByRevoked { device: usize, text: String },
    /// A key sealed two messages that left.
    KeyUsedTwice,
    /// A one-time package was given out twice, or used in two commits.
    PackageUsedTwice,
    /// A conversation was given up though nothing was wrong with its log.
    Stopped,
    /// A device finds a commit of its own in a log that it did not make, though its state was never put back.
    Copied(usize),
    /// Something is still being sent, hours after everything was done.
    NeverQuiet(usize),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl World {
    pub(crate) fn check(&self) -> Result<(), Broken> {
        for (device, has) in self.devices.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for line in has.lines() {
                let Body::Text { text, .. } = &line.content.body else { continue };
                if !seen.insert(text.clone()) {
                    return Err(Broken::Twice { device, text: text.clone() });
                }
                let said = self.texts.iter().find(|said| said.said == *text).expect("somebody said it");
                if has.revoked_at.is_some_and(|at| said.at > at + 60) {
                    return Err(Broken::ReadByRevoked { device, text: text.clone() });
                }
            }
            if has.revoked {
                continue;
            }
            for text in self.texts.iter().filter(|text| !text.at_risk && !text.given_up) {
                if text.needed.contains(&device) && !seen.contains(&text.said) {
                    return Err(Broken::Missing { device, text: text.said.clone() });
                }
            }
        }
        Ok(())
    }
}
