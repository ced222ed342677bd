//! The NATS subjects of a device's mailbox, named by the hex of its key `<dk>` and of its identity's chain key `<pk>`.
//!
//! What is published on `kez.chat.<sender's chain>.<device>` is stored as `kez.mail.<device>.<sender's chain>`: the broker
//! moves it, and vouches for the sender's identity. Only the device pulls it, through its own consumer `<dk>`, and has the
//! replies to its pulls sent below its own mailbox, where no other device of its identity listens.

use super::MAIL;
use crate::key::KeyId;

/// The stream that holds every device's mailbox.
pub const MAIL_STREAM: &str = "KEZ_CHAT";
/// What the stream takes.
pub const MAIL_STREAM_SUBJECT: &str = "kez.chat.*.*";
/// What the stream stores it as: the device first.
pub const MAIL_STREAM_TRANSFORM: &str = "kez.mail.{{wildcard(2)}}.{{wildcard(1)}}";
/// The subjects of one device that belong to its mailbox, and to what its identity writes to others'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSubjects {
    pk: String,
    dk: String,
}

impl MailSubjects {
    /// The subjects of a device with this key, of the identity with this chain key. The primary key is a device as others
    /// are.
    #[must_use]
    pub fn of(chain: &KeyId, device: &KeyId) -> Self {
        MailSubjects { pk: chain.hex(), dk: device.hex() }
    }

    /// Where a message to the device with the key `to_device` is published.
    #[must_use]
    pub fn send(&self, to_device: &KeyId) -> String {
        format!("kez.chat.{}.{}", self.pk, to_device.hex())
    }

    /// Where a pull request for the mailbox is published.
    #[must_use]
    pub fn next(&self) -> String {
        format!("$JS.API.CONSUMER.MSG.NEXT.{MAIL_STREAM}.{}", self.dk)
    }

    /// Whether a message of the mailbox is acknowledged by publishing on `subject`. On any other, a broker would have its
    /// client publish where the broker likes.
    #[must_use]
    pub fn is_receipt(&self, subject: &str) -> bool {
        subject.starts_with(&format!("$JS.ACK.{MAIL_STREAM}.{}.", self.dk))
    }

    /// The prefix of the subjects on which replies to pulls reach this device and no other, without a dot at its end.
    #[must_use]
    pub fn reply_prefix(&self) -> String {
        format!("kez.mail.{}", self.dk)
    }

    /// The durable consumer that reads the mailbox: `<dk>`.
    #[must_use]
    pub fn consumer(&self) -> &str {
        &self.dk
    }

    /// What the consumer reads: the mailbox's messages from anybody.
    #[must_use]
    pub fn mailbox(&self) -> String {
        format!("{}.*", self.reply_prefix())
    }

    /// What this device may subscribe to for its mailbox, and nothing else.
    #[must_use]
    pub fn may_subscribe(&self) -> [String; 1] {
        [format!("{}.>", self.reply_prefix())]
    }

    /// What this device may publish on for mailboxes, and nothing else.
    #[must_use]
    pub fn may_publish(&self) -> [String; 3] {
        let [next, receipts] = self.may_publish_when_reading_only();
        [format!("kez.chat.{}.*", self.pk), next, receipts]
    }

    /// The same without the right to send, which an identity loses while too much of what it sent waits.
    #[must_use]
    pub fn may_publish_when_reading_only(&self) -> [String; 2] {
        [self.next(), format!("$JS.ACK.{MAIL_STREAM}.{}.>", self.dk)]
    }
}

/// Device and sender's chain of a stored message, from its subject `kez.mail.<device>.<sender>`. None for any other
/// subject: a sender may name devices that are no keys.
#[must_use]
pub fn parse_mail(subject: &str) -> Option<(KeyId, KeyId)> {
    MAIL.parse(subject)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    fn keys() -> [KeyId; 3] {
        [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]).id())
    }

    #[test]
    fn a_device_has_these_subjects_and_no_others() {
        let [chain, device, other] = keys();
        let (pk, dk) = (chain.hex(), device.hex());
        let subjects = MailSubjects::of(&chain, &device);
        assert_eq!(subjects.may_subscribe(), [format!("kez.mail.{dk}.>")]);
        assert_eq!(
            subjects.may_publish(),
            [
                format!("kez.chat.{pk}.*"),
                format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_CHAT.{dk}"),
                format!("$JS.ACK.KEZ_CHAT.{dk}.>")
            ]
        );
        assert_eq!(subjects.may_publish_when_reading_only(), subjects.may_publish()[1..]);
        assert_eq!(subjects.send(&other), format!("kez.chat.{pk}.{}", other.hex()));
        assert_eq!(subjects.reply_prefix(), format!("kez.mail.{dk}"));
        assert_eq!((subjects.consumer(), subjects.mailbox()), (&*dk, format!("kez.mail.{dk}.*")));
    }

    #[test]
    fn only_the_own_consumers_messages_are_acknowledged() {
        let [chain, device, other] = keys();
        let (dk, subjects) = (device.hex(), MailSubjects::of(&chain, &device));
        assert!(subjects.is_receipt(&format!("$JS.ACK.KEZ_CHAT.{dk}.1.7.3.1790000000000000000.0")));
        for elsewhere in [
            String::new(),
            format!("$JS.ACK.KEZ_CHAT.{dk}"),
            format!("$JS.ACK.KEZ_CHAT.{dk}0.1"),
            format!("$JS.ACK.KEZ_CHAT.{}.1", other.hex()),
            format!("$JS.ACK.KEZ_CHAT.{}.1", chain.hex()),
            format!("$JS.ACK.KEZ_INBOX.{dk}.1"),
            subjects.send(&other),
            subjects.next(),
        ] {
            assert!(!subjects.is_receipt(&elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn a_stored_message_names_its_device_and_its_sender() {
        let [chain, device, _] = keys();
        assert_eq!(parse_mail(&format!("kez.mail.{}.{}", device.hex(), chain.hex())), Some((device, chain)));
        assert_eq!(parse_mail(&format!("kez.inbox.{}.{}", device.hex(), chain.hex())), None);
    }
}
