//! How much the server takes of anybody. Parameters of the assembly, so that tests and benchmarks may set them, and no
//! flags: what they are by default is the contract.

pub use kez_http::serve::ConnectionLimits;

pub use kez_store::instances::Limits as InstanceLimits;

pub use crate::broker::BrokerLimits;
pub use crate::conversations::ConversationLimits;
pub use crate::keypackages::KeyPackageLimits;
pub use crate::pairings::PairingLimits;

/// Every limit that is not the operator's to set.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Of sigchains.
    pub chains: kez_sig_server::limits::Limits,
    /// Connections, and patience with those who are on them.
    pub connections: ConnectionLimits,
    /// Offers of device keys that wait.
    pub pairings: PairingLimits,
    /// Key packages.
    pub key_packages: KeyPackageLimits,
    /// Conversations.
    pub conversations: ConversationLimits,
    /// Instances of devices' states.
    pub instances: InstanceLimits,
    /// Of the message broker.
    pub broker: BrokerLimits,
}
