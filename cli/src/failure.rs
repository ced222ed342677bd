//! Why a command failed: a problem of the protocol, or one that only happens on this side of the wire.

use std::borrow::Cow;
use std::fmt;

use kez_core::{Code, KeyId, Problem, Timestamp};
use serde::Serialize;

/// What goes wrong outside the protocol. The codes are as stable as the protocol's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    /// The command line cannot be read.
    Usage,
    /// `key new` would overwrite a key.
    KeyFileExists,
    /// There is no key yet.
    KeyFileMissing,
    /// Somebody else may read the key.
    KeyFileUnsafe,
    /// Not a key file, or one that was tampered with.
    KeyFileBroken,
    /// The key is encrypted and no passphrase was given.
    PassphraseMissing,
    /// The passphrase does not open the key file.
    PassphraseWrong,
    /// No server was named, and none is remembered.
    ServerMissing,
    /// The server asks for a signature for another server's name.
    ServerNameDiffers,
    /// No answer: connection, name resolution, TLS, time.
    ServerUnreachable,
    /// An answer, but not one of a kez-chat server.
    NotAServer,
    /// A server's answer does not prove what it claims.
    NotVerified,
    /// An identity's log is larger than is read, or takes longer to verify than is waited for.
    LogTooLarge,
    /// What was to be signed for a broker is no nonce.
    MalformedNonce,
    /// The server tells of no broker, and none was named.
    NoBroker,
    /// No answer from the broker: connection, name resolution, TLS, time.
    BrokerUnreachable,
    /// An answer, but not a broker's.
    NotABroker,
    /// The broker does not let the key in.
    BrokerRefused,
    /// The broker lets nobody in, because the server cannot do its work.
    ServerNotReady,
    /// The broker has no inbox for the key, and the server makes none.
    InboxMissing,
    /// One sender's messages fill the room that one sender has in an inbox.
    InboxFull,
    /// The broker did not store a message, or does not say so.
    NotDelivered,
    /// The identity may read at the moment, and not send.
    MayNotSend,
    /// What was waited for did not come in the time that was given.
    TimedOut,
    /// The identity has no chain yet.
    NoChain,
    /// The identity has a chain already.
    ChainExists,
    /// What should be a device's offer is none, or one to somebody else.
    OfferBroken,
    /// The chain went on since a device made its offer.
    OfferStale,
    /// Nobody could check the claim.
    ClaimWrong,
    /// The words are no recovery key.
    WordsWrong,
    /// What is kept of conversations does not read.
    ChatBroken,
    /// Another process uses what is kept of conversations.
    ChatInUse,
    /// Somebody else uses the device's key.
    ChatElsewhere,
    /// There is nobody to talk to yet: they were not asked, or did not accept.
    NotAContact,
    /// What should be said cannot be.
    TextUnfit,
    /// Whether something was said is not known.
    Interrupted,
    /// A file or a stream cannot be read or written.
    Io,
}

impl Local {
    const fn code_and_title(self) -> (&'static str, &'static str) {
        match self {
            Local::Usage => ("usage", "Command line cannot be read"),
            Local::KeyFileExists => ("key_file_exists", "Key file exists already"),
            Local::KeyFileMissing => ("key_file_missing", "Key file is missing"),
            Local::KeyFileUnsafe => ("key_file_unsafe", "Key file is open to others"),
            Local::KeyFileBroken => ("key_file_broken", "Key file is damaged"),
            Local::PassphraseMissing => ("passphrase_missing", "Key is encrypted"),
            Local::PassphraseWrong => ("passphrase_wrong", "Passphrase is wrong"),
            Local::ServerMissing => ("server_missing", "Server is not known"),
            Local::ServerNameDiffers => ("server_name_differs", "Server has another name"),
            Local::ServerUnreachable => ("server_unreachable", "Server cannot be reached"),
            Local::NotAServer => ("not_a_kez_server", "Answer is not a kez-chat server's"),
            Local::NotVerified => ("not_verified", "Answer does not verify"),
            Local::LogTooLarge => ("log_too_large", "Log is too large"),
            Local::MalformedNonce => ("malformed_nonce", "Nonce is malformed"),
            Local::NoBroker => ("no_broker", "Server has no broker"),
            Local::BrokerUnreachable => ("broker_unreachable", "Broker cannot be reached"),
            Local::NotABroker => ("not_a_broker", "Answer is not a broker's"),
            Local::BrokerRefused => ("broker_refused", "Broker refused the key"),
            Local::ServerNotReady => ("server_not_ready", "Server is not ready"),
            Local::InboxMissing => ("inbox_missing", "Inbox is missing"),
            Local::InboxFull => ("inbox_full", "Inbox is full"),
            Local::NotDelivered => ("not_delivered", "Message was not delivered"),
            Local::MayNotSend => ("may_not_send", "Sending is not allowed at the moment"),
            Local::TimedOut => ("timed_out", "Nothing came in time"),
            Local::NoChain => ("no_chain", "Identity has no chain"),
            Local::ChainExists => ("chain_exists", "Identity has a chain already"),
            Local::OfferBroken => ("offer_broken", "Offer cannot be used"),
            Local::OfferStale => ("offer_stale", "Offer is too old"),
            Local::ClaimWrong => ("claim_wrong", "Claim cannot be checked"),
            Local::WordsWrong => ("words_wrong", "Words are no recovery key"),
            Local::ChatBroken => ("chat_broken", "Conversations do not read"),
            Local::ChatInUse => ("chat_in_use", "Conversations are in use"),
            Local::ChatElsewhere => ("chat_elsewhere", "Somebody else uses this device's key"),
            Local::NotAContact => ("not_a_contact", "They are no contact yet"),
            Local::TextUnfit => ("text_unfit", "Text cannot be sent"),
            Local::Interrupted => ("interrupted", "The other process ended"),
            Local::Io => ("io", "File or stream failed"),
        }
    }
}

/// A failed operation, as it is shown: a code for programs, a title and a sentence of advice for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: Cow<'static, str>,
    /// The server's clock, with [`Code::StaleTimestamp`].
    #[serde(skip)]
    pub(crate) server_time: Option<Timestamp>,
    /// The chain that had a released handle, with [`Code::Gone`].
    #[serde(skip)]
    pub(crate) chain: Option<KeyId>,
}

impl Failure {
    pub(crate) fn new(kind: Local, detail: impl Into<Cow<'static, str>>) -> Self {
        let (code, title) = kind.code_and_title();
        Failure { code, title, detail: detail.into(), server_time: None, chain: None }
    }

    /// Whether this went wrong on this side of the wire in that way.
    pub(crate) fn is_local(&self, kind: Local) -> bool {
        self.code == kind.code_and_title().0
    }

    /// Whether this is that problem of the protocol.
    pub(crate) fn is(&self, code: Code) -> bool {
        self.code == code.as_str()
    }

    /// Whether the request may have been carried out although no usable answer came back.
    pub(crate) fn lost_the_answer(&self) -> bool {
        [Local::ServerUnreachable, Local::NotAServer].iter().any(|kind| self.is_local(*kind))
    }

    /// The same failure with one more sentence of advice.
    pub(crate) fn advise(mut self, advice: &str) -> Self {
        self.detail = format!("{} {advice}", self.detail).into();
        self
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let Problem { code, detail, server_time } = problem;
        Failure { code: code.as_str(), title: code.title(), detail, server_time, chain: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.title, self.detail)
    }
}
