//! The NATS subjects of an identity, named by the hex of its chain key `<pk>`.
//!
//! What is published on `kez.send.<sender>.<recipient>` is stored as `kez.inbox.<recipient>.<sender>`: the broker moves
//! it, and lets everybody publish under their own name only. The recipient pulls it through its own consumer `<pk>`.
//! Devices have mailboxes of their own beside it: [`MailSubjects`].

mod mail;
mod route;

use crate::key::KeyId;

pub use mail::{MAIL_STREAM, MAIL_STREAM_SUBJECT, MAIL_STREAM_TRANSFORM, MailSubjects, parse_mail};
pub use route::{INBOXES, MAIL, Route};

/// The stream that holds everybody's inbox.
pub const STREAM: &str = "KEZ_INBOX";
/// What the stream takes.
pub const STREAM_SUBJECT: &str = "kez.send.*.*";
/// What the stream stores it as: recipient first.
pub const STREAM_TRANSFORM: &str = "kez.inbox.{{wildcard(2)}}.{{wildcard(1)}}";

/// The subjects of one identity, all that the broker lets it use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects {
    pk: String,
}

impl Subjects {
    /// The subjects of the identity whose chain key this is.
    #[must_use]
    pub fn of(chain: &KeyId) -> Self {
        Subjects { pk: chain.hex() }
    }

    /// The durable consumer that reads the inbox: `<pk>`.
    #[must_use]
    pub fn consumer(&self) -> &str {
        &self.pk
    }

    /// What the consumer reads, and what goes when the handle is released: the inbox's messages from anybody.
    #[must_use]
    pub fn inbox(&self) -> String {
        format!("kez.inbox.{}.*", self.pk)
    }

    /// The prefix of the subjects on which replies reach this identity, without a dot at its end.
    #[must_use]
    pub fn reply_prefix(&self) -> String {
        format!("_INBOX_{}", self.pk)
    }

    /// Where a message to the identity with the chain key `to` is published.
    #[must_use]
    pub fn send(&self, to: &KeyId) -> String {
        format!("kez.send.{}.{}", self.pk, to.hex())
    }

    /// Where a pull request for the inbox is published.
    #[must_use]
    pub fn next(&self) -> String {
        format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{}", self.pk)
    }

    /// Whether a message of the inbox is acknowledged by publishing on `subject`. On any other, a broker would have its
    /// client publish where the broker likes.
    #[must_use]
    pub fn is_receipt(&self, subject: &str) -> bool {
        subject.starts_with(&format!("$JS.ACK.{STREAM}.{}.", self.pk))
    }

    /// What this identity may subscribe to, and nothing else.
    #[must_use]
    pub fn may_subscribe(&self) -> [String; 2] {
        [format!("kez.inbox.{}.>", self.pk), format!("{}.>", self.reply_prefix())]
    }

    /// What this identity may publish on, and nothing else.
    #[must_use]
    pub fn may_publish(&self) -> [String; 3] {
        let [next, receipts] = self.may_publish_when_reading_only();
        [format!("kez.send.{}.*", self.pk), next, receipts]
    }

    /// The same without the right to send, which an identity loses while too much of what it sent waits.
    #[must_use]
    pub fn may_publish_when_reading_only(&self) -> [String; 2] {
        [self.next(), format!("$JS.ACK.{STREAM}.{}.>", self.pk)]
    }
}

/// Recipient and sender of a stored message, from its subject `kez.inbox.<recipient>.<sender>`. None for any other
/// subject: a sender may name recipients that are no keys.
#[must_use]
pub fn parse_inbox(subject: &str) -> Option<(KeyId, KeyId)> {
    INBOXES.parse(subject)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    #[test]
    fn an_identity_has_these_subjects_and_no_others() {
        let (me, other) = (SigningKey::from_seed(&[1; 32]).id(), SigningKey::from_seed(&[2; 32]).id());
        let (pk, to) = (me.hex(), other.hex());
        let subjects = Subjects::of(&me);
        assert_eq!(subjects.may_subscribe(), [format!("kez.inbox.{pk}.>"), format!("_INBOX_{pk}.>")]);
        assert_eq!(
            subjects.may_publish(),
            [
                format!("kez.send.{pk}.*"),
                format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.{pk}"),
                format!("$JS.ACK.KEZ_INBOX.{pk}.>")
            ]
        );
        assert_eq!(subjects.may_publish_when_reading_only(), subjects.may_publish()[1..]);
        assert_eq!(subjects.send(&other), format!("kez.send.{pk}.{to}"));
        assert_eq!(parse_inbox(&format!("kez.inbox.{to}.{pk}")), Some((other, me)));
    }

    #[test]
    fn only_the_own_consumers_messages_are_acknowledged() {
        let [me, other] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]).id());
        let (pk, subjects) = (me.hex(), Subjects::of(&me));
        assert!(subjects.is_receipt(&format!("$JS.ACK.KEZ_INBOX.{pk}.1.7.3.1790000000000000000.0")));
        for elsewhere in [
            String::new(),
            format!("$JS.ACK.KEZ_INBOX.{pk}"),
            format!("$JS.ACK.KEZ_INBOX.{pk}0.1"),
            format!("$JS.ACK.KEZ_INBOX.{}.1", other.hex()),
            format!("$JS.ACK.OTHER.{pk}.1"),
            subjects.send(&other),
            subjects.next(),
        ] {
            assert!(!subjects.is_receipt(&elsewhere), "{elsewhere}");
        }
    }
}
