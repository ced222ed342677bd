//! The NATS subjects of an identity, named by the hex of its chain key `<pk>`.
//!
//! What is published on `kez.send.<sender>.<recipient>` is stored as `kez.inbox.<recipient>.<sender>`: the broker moves
//! it, and lets everybody publish under their own name only. The recipient pulls it through its own consumer `<pk>`.

use crate::key::{KeyId, Suite};

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

/// Everything that waits for anybody.
pub const ALL_INBOXES: &str = "kez.inbox.>";

/// What a broker stored as it was published, without moving it to an inbox: it does so where a recipient's name is a
/// wildcard. Nobody reads it.
pub const UNROUTED: &str = "kez.send.>";

/// For whom a stored message is, as its sender wrote it: it may be no key.
#[must_use]
pub fn recipient(subject: &str) -> Option<&str> {
    subject.strip_prefix("kez.inbox.")?.split('.').next()
}

/// Who sent a stored message, which the broker vouches for.
#[must_use]
pub fn sender(subject: &str) -> Option<KeyId> {
    let (to, from) = subject.strip_prefix("kez.inbox.")?.rsplit_once('.')?;
    if to.is_empty() { None } else { KeyId::from_parts(Suite::Ed25519.as_str(), from).ok() }
}

/// Who published what is stored as it was published (see [`UNROUTED`]).
#[must_use]
pub fn sent_by(subject: &str) -> Option<KeyId> {
    let (from, _) = subject.strip_prefix("kez.send.")?.split_once('.')?;
    KeyId::from_parts(Suite::Ed25519.as_str(), from).ok()
}

/// A message from nobody to nobody: a home server asks with it whether the stream answers in time, and has it refused.
#[must_use]
pub fn canary() -> String {
    let nobody = "0".repeat(64);
    format!("kez.send.{nobody}.{nobody}")
}

/// Everything that waits from one sender, as a filter.
#[must_use]
pub fn from(chain: &KeyId) -> String {
    format!("kez.inbox.*.{}", chain.hex())
}

/// The inbox of a recipient as a sender wrote it, as a filter. None for a name that would mean everybody's.
#[must_use]
pub fn inbox_of(recipient: &str) -> Option<String> {
    (!matches!(recipient, "*" | ">")).then(|| format!("kez.inbox.{recipient}.*"))
}

/// Recipient and sender of a stored message, from its subject `kez.inbox.<recipient>.<sender>`. None for any other
/// subject: a sender may name recipients that are no keys.
#[must_use]
pub fn parse_inbox(subject: &str) -> Option<(KeyId, KeyId)> {
    let (to, from) = subject.strip_prefix("kez.inbox.")?.split_once('.')?;
    let key = |hex| KeyId::from_parts(Suite::Ed25519.as_str(), hex).ok();
    Some((key(to)?, key(from)?))
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

    #[test]
    fn a_recipient_is_who_the_sender_names_and_never_everybody() {
        assert_eq!(recipient("kez.inbox.$x~.abc"), Some("$x~"));
        assert_eq!(recipient("kez.send.abc.*"), None);
        assert_eq!(inbox_of("$x~").as_deref(), Some("kez.inbox.$x~.*"));
        assert_eq!((inbox_of("*"), inbox_of(">")), (None, None));
    }

    #[test]
    fn a_stored_message_tells_its_sender_whatever_its_recipient_is() {
        let [me, other] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]).id());
        for to in [other.hex(), "$x~".to_owned(), "\u{fffd}".to_owned()] {
            assert_eq!(sender(&format!("kez.inbox.{to}.{}", me.hex())), Some(me), "{to}");
        }
        for to in ["*", ">", "x"] {
            assert_eq!(sent_by(&format!("kez.send.{}.{to}", me.hex())), Some(me), "{to}");
        }
        assert_eq!(
            (sender("kez.inbox.x"), sent_by("kez.send.x"), sender(&format!("kez.inbox.{}", me.hex()))),
            (None, None, None)
        );
        assert_eq!(from(&me), format!("kez.inbox.*.{}", me.hex()));
    }

    #[test]
    fn other_subjects_are_nobodys_inbox() {
        let pk = SigningKey::from_seed(&[1; 32]).id().hex();
        for bad in [
            String::new(),
            format!("kez.inbox.{pk}"),
            format!("kez.inbox.{pk}.{pk}.x"),
            format!("kez.send.{pk}.{pk}"),
            format!("kez.inbox.{}.{pk}", pk.to_uppercase()),
            format!("kez.inbox.anybody.{pk}"),
        ] {
            assert_eq!(parse_inbox(&bad), None, "{bad}");
        }
    }
}
