//! The types of envelopes, by name. None of what they say is known here.

/// What an envelope can say. Each type is a domain of its own: the signed payload names it, so a signature made for
/// one never verifies as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeType {
    /// A key takes a handle.
    HandleRegistration,
    /// A key gives its handle back.
    HandleRelease,
    /// An identity asks another one to be in touch.
    ContactRequest,
    /// A server says when it took a sigchain event.
    SigchainReceipt,
    /// A device leaves key packages with its home server.
    KeyPackages,
    /// An identity claims key packages of another's devices.
    KeyPackageClaim,
    /// A device asks to be taken into its conversations again.
    ConversationRejoin,
    /// A conversation begins.
    ConversationStart,
    /// A device says which life of its conversations' state it is in.
    ChatInstance,
}

impl EnvelopeType {
    pub(super) const ALL: [EnvelopeType; 9] = [
        EnvelopeType::HandleRegistration,
        EnvelopeType::HandleRelease,
        EnvelopeType::ContactRequest,
        EnvelopeType::SigchainReceipt,
        EnvelopeType::KeyPackages,
        EnvelopeType::KeyPackageClaim,
        EnvelopeType::ConversationRejoin,
        EnvelopeType::ConversationStart,
        EnvelopeType::ChatInstance,
    ];

    /// The value of the envelope's `kez` member.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            EnvelopeType::HandleRegistration => "handle_registration",
            EnvelopeType::HandleRelease => "handle_release",
            EnvelopeType::ContactRequest => "contact_request",
            EnvelopeType::SigchainReceipt => "sigchain_receipt",
            EnvelopeType::KeyPackages => "key_packages",
            EnvelopeType::KeyPackageClaim => "key_package_claim",
            EnvelopeType::ConversationRejoin => "conversation_rejoin",
            EnvelopeType::ConversationStart => "conversation_start",
            EnvelopeType::ChatInstance => "chat_instance",
        }
    }

    /// The value of the payload's `type` member.
    #[must_use]
    pub const fn payload_type(self) -> &'static str {
        match self {
            EnvelopeType::HandleRegistration => "kez.chat.handle_registration",
            EnvelopeType::HandleRelease => "kez.chat.handle_release",
            EnvelopeType::ContactRequest => "kez.chat.contact_request",
            EnvelopeType::SigchainReceipt => "kez.sigchain.receipt",
            EnvelopeType::KeyPackages => "kez.chat.key_packages",
            EnvelopeType::KeyPackageClaim => "kez.chat.key_package_claim",
            EnvelopeType::ConversationRejoin => "kez.chat.conversation_rejoin",
            EnvelopeType::ConversationStart => "kez.chat.conversation_start",
            EnvelopeType::ChatInstance => "kez.chat.chat_instance",
        }
    }
}
