//! Servers tell each other whom they keep out for a time, in the account where no user is: each of them may have seen only
//! a part of why, and one that just began has seen nothing.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kez_core::KeyId;
use serde::{Deserialize, Serialize};

use super::enforce::end_sessions;
use crate::broker::Broker;
use crate::broker::kind::Kind;

/// Where they do.
const SUBJECT: &str = "kez.senders.restricted";
/// Most identities in one answer; one is about 90 bytes.
const MOST: usize = 500;

/// An identity that may not send for a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeptOut {
    /// Servers before mailboxes do not say it, and mean inboxes.
    #[serde(default)]
    pub(super) kind: Kind,
    pub(super) chain: KeyId,
    pub(super) secs: u64,
}

#[derive(Serialize, Deserialize)]
struct Told {
    /// Who tells it: what one said oneself is no news.
    by: String,
    kept_out: Vec<KeptOut>,
    /// Whether the others shall tell whom they keep out.
    #[serde(default)]
    asks: bool,
}

pub(super) async fn tell(broker: &Broker, kept_out: Vec<KeptOut>) {
    publish(broker, Told { by: broker.name.clone(), kept_out, asks: false }).await;
}

pub(super) async fn ask(broker: &Broker) {
    publish(broker, Told { by: broker.name.clone(), kept_out: Vec::new(), asks: true }).await;
}

async fn publish(broker: &Broker, told: Told) {
    let payload = serde_json::to_vec(&told).unwrap_or_default();
    if let Err(error) = broker.store.client.publish(SUBJECT, payload.into()).await {
        tracing::warn!(%error, "other servers do not hear who is kept out");
    }
}

/// Hears the others, for as long as the server runs.
pub(in crate::broker) async fn hear(broker: Arc<Broker>) {
    let mut news = match broker.store.client.subscribe(SUBJECT).await {
        Ok(news) => news,
        Err(error) => return tracing::error!(%error, "whom other servers keep out cannot be heard"),
    };
    while let Some(message) = news.next().await {
        let told: Told = match serde_json::from_slice(&message.payload) {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%error, "whom another server keeps out cannot be read");
                continue;
            }
        };
        if told.by == broker.name {
            continue;
        }
        for KeptOut { kind, chain, secs } in told.kept_out {
            if broker.rights.keep_out(kind, chain, Duration::from_secs(secs)) {
                tokio::spawn(end_sessions(broker.clone(), kind, chain));
            }
        }
        let known = broker.rights.kept_out();
        if told.asks && !known.is_empty() {
            let known = known.into_iter().take(MOST);
            let known = known.map(|(kind, chain, rest)| KeptOut { kind, chain, secs: rest.as_secs() });
            tell(&broker, known.collect()).await;
        }
    }
}
