//! The two kinds of boxes: an identity's inbox, and a device's mailbox. Each kind has a stream of its own, and a right to
//! send.

use kez_core::KeyId;
use kez_core::subject::{
    INBOXES, MAIL, MAIL_STREAM, MAIL_STREAM_SUBJECT, MAIL_STREAM_TRANSFORM, Route, STREAM, STREAM_SUBJECT,
    STREAM_TRANSFORM,
};
use serde::{Deserialize, Serialize};

use crate::callout::Rights;
use crate::refused::Refused;
use crate::registry::Registry;

/// What a stream holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// What strangers ask: one box an identity, named by its chain key.
    #[default]
    Inbox,
    /// What belongs to conversations: one box a device, named by its key.
    Mail,
}

impl Kind {
    /// Its stream.
    pub(crate) const fn stream(self) -> &'static str {
        match self {
            Kind::Inbox => STREAM,
            Kind::Mail => MAIL_STREAM,
        }
    }

    /// What the stream takes.
    pub(crate) const fn subject(self) -> &'static str {
        match self {
            Kind::Inbox => STREAM_SUBJECT,
            Kind::Mail => MAIL_STREAM_SUBJECT,
        }
    }

    /// What the stream stores it as.
    pub(crate) const fn transform(self) -> &'static str {
        match self {
            Kind::Inbox => STREAM_TRANSFORM,
            Kind::Mail => MAIL_STREAM_TRANSFORM,
        }
    }

    /// How its subjects are read.
    pub(crate) const fn route(self) -> Route {
        match self {
            Kind::Inbox => INBOXES,
            Kind::Mail => MAIL,
        }
    }

    /// What one box holds, from anybody, as a filter.
    pub(crate) fn filter(self, of: &KeyId) -> String {
        self.route().of(&of.hex()).expect("hex digits are no wildcard")
    }

    /// Whether the box with this key is somebody's who may log in: an identity's with a handle, or an active device's.
    ///
    /// # Errors
    /// When the registry cannot tell.
    pub(crate) async fn is_in_use(self, registry: &Registry, key: &KeyId) -> Result<bool, Refused> {
        match self {
            Kind::Inbox => registry.has_handle(key).await,
            Kind::Mail => registry.is_device(key).await,
        }
    }

    /// Whether a session with these rights may send to them.
    pub(crate) const fn is_in(self, rights: Rights) -> bool {
        match self {
            Kind::Inbox => rights.send,
            Kind::Mail => rights.chat,
        }
    }

    /// What all of its boxes are called, in the log and for operators.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Kind::Inbox => "inboxes",
            Kind::Mail => "mailboxes",
        }
    }
}
