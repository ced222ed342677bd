//! Auth callout: nats-server asks who a client is, and this answers. `decode → decide → encode` are pure; the one thing
//! asked in between is which identity a key stands for.

mod broker_keys;
mod decide;
mod ids;
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

pub use broker_keys::BrokerKeys;
pub use decide::{LoginPolicy, LoginRefusal, Member};
pub use ids::Ids;
pub use jwt::Issuer;
pub use request::Dropped;
use request::Request;
pub(crate) use service::{Granted, Late, QUEUE, SUBJECT, Service};

/// Knows which identity a key stands for, and has its inbox ready.
#[async_trait]
pub trait Identities: Send + Sync + 'static {
    /// The identity of a key that may log in now.
    ///
    /// # Errors
    /// [`LoginRefusal::Unknown`], or [`LoginRefusal::Unavailable`] when it cannot be told.
    async fn of(&self, key: &KeyId) -> Result<Arc<Member>, LoginRefusal>;
}

/// What a login may use of the broker beside reading: how much that is depends on what others of its key and its identity
/// use.
pub trait Admission: Send + Sync + 'static {
    /// Counts a session that is about to begin.
    ///
    /// # Errors
    /// [`LoginRefusal::TooManySessions`].
    fn admit(&self, connection: &Connection, key: &KeyId, identity: &Member) -> Result<Rights, LoginRefusal>;
}

/// Lets everybody in who proves a key, as often as they like: where there is no broker, there are no sessions.
pub struct Unlimited;

impl Admission for Unlimited {
    fn admit(&self, _: &Connection, _: &KeyId, _: &Member) -> Result<Rights, LoginRefusal> {
        Ok(Rights::FULL)
    }
}

/// What a session may do beside reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Whether it may send to inboxes. Otherwise too much of what its identity sent is waiting there, or was for nobody.
    pub send: bool,
    /// Whether it may write to mailboxes.
    pub chat: bool,
}

impl Rights {
    /// Everything.
    pub const FULL: Rights = Rights { send: true, chat: true };
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
    pub refusal: Option<LoginRefusal>,
    /// Random bits of the broker's, to spread what happens next with.
    pub spread: u8,
}

/// Everything that an answer depends on, but the request.
pub struct Callout {
    /// Signs the answers.
    pub issuer: Issuer,
    /// What the operator decided.
    pub policy: LoginPolicy,
    /// Tells whether a request is late.
    pub clock: Arc<dyn Clock>,
    /// Knows the keys.
    pub identities: Arc<dyn Identities>,
    /// Counts sessions.
    pub admission: Arc<dyn Admission>,
    /// Names what is signed.
    pub ids: Ids,
    /// The keys of the brokers that have asked something.
    pub brokers: BrokerKeys,
}

impl Callout {
    /// Answers a request JWT.
    ///
    /// # Errors
    /// Why it deserves no answer.
    pub async fn answer(&self, message: &[u8]) -> Result<Answer, Dropped> {
        let request = Request::decode(message, &self.brokers, self.issuer.public(), self.clock.now_millis())?;
        let now = self.clock.now().unix();
        let connection = Connection { server: request.server_id.clone(), cid: request.client_id };
        let decided = match decide::prove(&request, &self.policy) {
            Ok(key) => self.decide(&request, &connection, key, now).await.map(|grant| (key, grant)),
            Err(refusal) => Err(refusal),
        };
        let decision = decided.as_ref().map(|(_, grant)| grant).map_err(|refusal| *refusal);
        let jwt = response::encode(&request, decision, &self.issuer, &self.ids, now);
        let (refusal, spread) = (decision.err(), request.user_nkey.as_bytes()[31]);
        let granted = decided.ok().map(|(key, _)| (connection, key));
        Ok(Answer { granted, jwt, refusal, spread })
    }

    async fn decide(
        &self,
        request: &Request,
        connection: &Connection,
        key: KeyId,
        now: i64,
    ) -> Result<decide::Grant, LoginRefusal> {
        let identity = self.identities.of(&key).await?;
        let rights = self.admission.admit(connection, &key, &identity)?;
        Ok(decide::Grant::new(&key, &identity, rights, &request.user_nkey, &self.policy, now))
    }
}
