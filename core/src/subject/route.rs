//! What a home server, which sees everything that is stored, reads from a stored message's subject.

use crate::key::{KeyId, Suite};

/// A stream's two names for a message: `<sent>.<sender>.<recipient>`, as it is published, and `<stored>.<recipient>.<sender>`,
/// as it is kept. The sender is who the broker let publish it; the recipient is whatever the sender wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    sent: &'static str,
    stored: &'static str,
}

/// To inboxes, of identities.
pub const INBOXES: Route = Route { sent: "kez.send.", stored: "kez.inbox." };
/// To mailboxes, of devices.
pub const MAIL: Route = Route { sent: "kez.chat.", stored: "kez.mail." };

impl Route {
    /// Everything that waits for anybody, as a filter.
    #[must_use]
    pub fn all(self) -> String {
        format!("{}>", self.stored)
    }

    /// What a broker stored as it was published, without moving it: it does so where a recipient's name is a wildcard.
    /// Nobody reads it. As a filter.
    #[must_use]
    pub fn unrouted(self) -> String {
        format!("{}>", self.sent)
    }

    /// For whom a stored message is, as its sender wrote it: it may be no key.
    #[must_use]
    pub fn recipient(self, subject: &str) -> Option<&str> {
        subject.strip_prefix(self.stored)?.split('.').next()
    }

    /// Who sent a stored message, which the broker vouches for.
    #[must_use]
    pub fn sender(self, subject: &str) -> Option<KeyId> {
        let (to, from) = subject.strip_prefix(self.stored)?.rsplit_once('.')?;
        if to.is_empty() { None } else { key(from) }
    }

    /// Recipient and sender of a stored message. None for any other subject: a sender may name recipients that are no keys.
    #[must_use]
    pub fn parse(self, subject: &str) -> Option<(KeyId, KeyId)> {
        let (to, from) = subject.strip_prefix(self.stored)?.split_once('.')?;
        Some((key(to)?, key(from)?))
    }

    /// Who published what is stored as it was published (see [`Route::unrouted`]).
    #[must_use]
    pub fn sent_by(self, subject: &str) -> Option<KeyId> {
        let (from, _) = subject.strip_prefix(self.sent)?.split_once('.')?;
        key(from)
    }

    /// A message from nobody to nobody: a home server asks with it whether the stream answers in time, and has it refused.
    #[must_use]
    pub fn canary(self) -> String {
        let nobody = "0".repeat(64);
        format!("{}{nobody}.{nobody}", self.sent)
    }

    /// Everything that waits from one sender, as a filter.
    #[must_use]
    pub fn from(self, chain: &KeyId) -> String {
        format!("{}*.{}", self.stored, chain.hex())
    }

    /// What waits for a recipient as a sender wrote it, as a filter. None for a name that would mean everybody's.
    #[must_use]
    pub fn of(self, recipient: &str) -> Option<String> {
        (!matches!(recipient, "*" | ">")).then(|| format!("{}{recipient}.*", self.stored))
    }
}

fn key(hex: &str) -> Option<KeyId> {
    KeyId::from_parts(Suite::Ed25519.as_str(), hex).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    const BOTH: [Route; 2] = [INBOXES, MAIL];

    #[test]
    fn a_recipient_is_who_the_sender_names_and_never_everybody() {
        for route in BOTH {
            let Route { sent, stored } = route;
            assert_eq!(route.recipient(&format!("{stored}$x~.abc")), Some("$x~"));
            assert_eq!(route.recipient(&format!("{sent}abc.*")), None);
            assert_eq!(route.of("$x~"), Some(format!("{stored}$x~.*")));
            assert_eq!((route.of("*"), route.of(">")), (None, None));
            assert_eq!((route.all(), route.unrouted()), (format!("{stored}>"), format!("{sent}>")));
        }
    }

    #[test]
    fn a_stored_message_tells_its_sender_whatever_its_recipient_is() {
        let [me, other] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]).id());
        for route in BOTH {
            let Route { sent, stored } = route;
            for to in [other.hex(), "$x~".to_owned(), "\u{fffd}".to_owned()] {
                assert_eq!(route.sender(&format!("{stored}{to}.{}", me.hex())), Some(me), "{to}");
            }
            for to in ["*", ">", "x"] {
                assert_eq!(route.sent_by(&format!("{sent}{}.{to}", me.hex())), Some(me), "{to}");
            }
            let [one, two, none] = [format!("{stored}x"), format!("{sent}x"), format!("{stored}{}", me.hex())];
            assert_eq!((route.sender(&one), route.sent_by(&two), route.sender(&none)), (None, None, None));
            assert_eq!(route.from(&me), format!("{stored}*.{}", me.hex()));
        }
    }

    #[test]
    fn other_subjects_are_in_nobodys_box() {
        let [me, other] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]).id());
        let (pk, to) = (me.hex(), other.hex());
        for (route, elsewhere) in [(INBOXES, MAIL), (MAIL, INBOXES)] {
            let Route { sent, stored } = route;
            assert_eq!(route.parse(&format!("{stored}{to}.{pk}")), Some((other, me)));
            for bad in [
                String::new(),
                format!("{stored}{pk}"),
                format!("{stored}{pk}.{pk}.x"),
                format!("{sent}{pk}.{pk}"),
                format!("{}{pk}.{pk}", elsewhere.stored),
                format!("{stored}{}.{pk}", pk.to_uppercase()),
                format!("{stored}anybody.{pk}"),
                format!("{stored}*.{pk}"),
            ] {
                assert_eq!(route.parse(&bad), None, "{bad}");
            }
        }
    }
}
