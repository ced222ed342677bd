//! Auth callout: nats-server asks who a client is, and this answers. `decode → decide → encode` are pure; the one thing
//! asked in between is which identity a key stands for.

mod broker_keys;
mod decide;
mod jwt;
mod request;
mod response;
mod service;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use kez_core::KeyId;

use crate::clock::Clock;

use broker_keys::BrokerKeys;
pub use decide::{Identity, Policy, Refusal};
pub use jwt::Issuer;
pub use request::Dropped;
use request::Request;
pub(crate) use service::{Granted, QUEUE, SUBJECT, Service};

/// Knows which identity a key stands for, and has its inbox ready.
#[async_trait]
pub trait Identities: Send + Sync + 'static {
    /// The identity of a key that may log in now.
    ///
    /// # Errors
    /// [`Refusal::Unknown`], or [`Refusal::Unavailable`] when it cannot be told.
    async fn of(&self, key: &KeyId) -> Result<Arc<Identity>, Refusal>;
}

/// A connection that was let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// The server's id, `N…`.
    pub server: String,
    /// Its number there.
    pub cid: u64,
}

/// What is answered to a request.
pub struct Answer {
    /// Who is let in where, if anybody is.
    pub granted: Option<(Connection, KeyId)>,
    /// The response JWT.
    pub jwt: String,
    /// Why it says no, if it does.
    pub refusal: Option<Refusal>,
    /// Random bits of the broker's, to spread what happens next with.
    pub spread: u8,
}

/// Everything that an answer depends on, but the request.
pub struct Callout {
    /// Signs the answers.
    pub issuer: Issuer,
    /// What the operator decided.
    pub policy: Policy,
    /// Tells whether a request is late.
    pub clock: Arc<dyn Clock>,
    /// Knows the keys.
    pub identities: Arc<dyn Identities>,
    brokers: BrokerKeys,
}

impl Callout {
    /// A callout of these parts.
    #[must_use]
    pub fn new(issuer: Issuer, policy: Policy, clock: Arc<dyn Clock>, identities: Arc<dyn Identities>) -> Self {
        Callout { issuer, policy, clock, identities, brokers: BrokerKeys::default() }
    }

    /// Answers a request JWT.
    ///
    /// # Errors
    /// Why it deserves no answer.
    pub async fn answer(&self, message: &[u8]) -> Result<Answer, Dropped> {
        let request = Request::decode(message, &self.brokers, self.issuer.public(), self.clock.now_millis())?;
        let proven = decide::prove(&request, &self.policy);
        let identity = match &proven {
            Ok(key) => self.identities.of(key).await,
            Err(refusal) => Err(*refusal),
        };
        let now = self.clock.now().unix();
        let grant = identity.map(|identity| decide::Grant::new(&identity, &request.user_nkey, &self.policy, now));
        let decision = grant.as_ref().map_err(|refusal| *refusal);
        let jwt = response::encode(&request, decision, &self.issuer, now);
        let (refusal, spread) = (decision.err(), request.user_nkey.as_bytes()[31]);
        let connection = Connection { server: request.server_id, cid: request.client_id };
        let granted = proven.ok().filter(|_| refusal.is_none()).map(|key| (connection, key));
        Ok(Answer { granted, jwt, refusal, spread })
    }
}
