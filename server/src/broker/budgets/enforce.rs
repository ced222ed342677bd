//! Taking the right to send away and giving it back: sessions end, and come back with what they may do now.

use std::sync::Arc;
use std::time::Duration;

use kez_core::KeyId;

use super::rights::Reason;
use super::share::{self, KeptOut};
use crate::broker::kind::Kind;
use crate::broker::{Broker, sessions};

/// When the sessions of an identity are looked through after its rights changed. A login that was answered just before may
/// not be listed at once.
const SWEEPS_MILLIS: [u64; 5] = [0, 300, 700, 1_500, 3_000];

/// Why an identity loses the right to send for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It sent to recipients that do not exist.
    Nobody,
    /// It sent so fast that others had to wait.
    Crowding,
}

/// What changes the rights to send to boxes of one kind.
pub(super) struct Enforcer {
    broker: Arc<Broker>,
    kind: Kind,
}

impl Enforcer {
    pub(super) fn new(broker: Arc<Broker>, kind: Kind) -> Self {
        Enforcer { broker, kind }
    }

    /// A reason holds, or does not hold any more.
    pub(super) fn set(&self, chain: KeyId, reason: Reason, holds: bool) {
        let of = self.kind.plural();
        if self.broker.rights.set(self.kind, chain, reason, holds) {
            if holds {
                tracing::warn!(%chain, ?reason, of, "an identity may not send until less of what it sent is waiting");
            } else {
                tracing::info!(%chain, of, "an identity may send again");
            }
            self.end_sessions(chain);
        }
    }

    /// The identity may not send for so long. Other servers hear of it.
    pub(super) async fn keep_out(&self, chain: KeyId, time: Duration, why: Why) {
        let is_news = self.broker.rights.keep_out(self.kind, chain, time);
        if is_news {
            tracing::warn!(%chain, ?why, of = self.kind.plural(), secs = time.as_secs(), "an identity may not send for a while");
            self.end_sessions(chain);
            share::tell(&self.broker, vec![KeptOut { kind: self.kind, chain, secs: time.as_secs() }]).await;
        }
    }

    /// Gives the right back to those whose time is over.
    pub(super) fn expire(&self) {
        for chain in self.broker.rights.expire(self.kind) {
            tracing::info!(%chain, of = self.kind.plural(), "an identity may send again");
            self.end_sessions(chain);
        }
        let count = u32::try_from(self.broker.rights.count(self.kind)).unwrap_or(u32::MAX);
        let gauge = match self.kind {
            Kind::Inbox => metrics::gauge!("senders_restricted"),
            Kind::Mail => metrics::gauge!("chat_senders_restricted"),
        };
        gauge.set(f64::from(count));
    }

    /// Asks the other servers whom they keep out.
    pub(super) async fn ask_others(&self) {
        share::ask(&self.broker).await;
    }

    fn end_sessions(&self, chain: KeyId) {
        tokio::spawn(end_sessions(self.broker.clone(), self.kind, chain));
    }
}

/// Ends the sessions that have another right than their identity has now.
pub(super) async fn end_sessions(broker: Arc<Broker>, kind: Kind, chain: KeyId) {
    let started = tokio::time::Instant::now();
    for after in SWEEPS_MILLIS.map(Duration::from_millis) {
        tokio::time::sleep_until(started + after).await;
        let wrong = broker.sessions.of(&chain, kind, !broker.rights.may_send(kind, &chain));
        if let Err(error) = sessions::kick_all(&broker.sys.client, wrong).await {
            tracing::warn!(%chain, error, "sessions that should end cannot be ended yet");
        }
    }
}
