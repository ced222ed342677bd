//! Logins at the broker: who answers them, and the broker that they are for. A server without a broker may still answer
//! them, to programs that ask over HTTP.

use std::sync::Arc;
use std::time::Duration;

use kez_http::bearer::Token;
use kez_store::changes::Change;
use tokio::sync::mpsc;

use super::State;
use crate::api::internal::Internal;
use crate::broker::{self, Broker, BrokerLimits, Running, Upkeep};
use crate::callout::{Admission, BrokerKeys, Callout, Ids, Issuer, Late, LoginPolicy, Service, Unlimited};
use crate::clock::Clock;
use crate::config::Config;
use crate::config::nats::{Nats, NatsFlags, Seed};
use crate::identities::RegistryIdentities;
use crate::{StartError, random};

/// How long a mailbox keeps a message that nobody fetches.
const MAIL_STAYS: Duration = Duration::from_secs(30 * 86_400);

/// The broker, if there is one, and the answers to its questions.
#[derive(Default)]
pub(super) struct Logins {
    pub(super) broker: Option<Arc<Broker>>,
    /// The same answers over HTTP, where the operator wants that.
    pub(super) internal: Option<Arc<Internal>>,
    running: Option<Running>,
}

impl Logins {
    /// Connects to the broker and begins to answer. `ended` brings changes that end what a key may do.
    pub(super) async fn start(
        config: &Config,
        nats: Nats,
        state: &State,
        ended: mpsc::UnboundedReceiver<Change>,
        clock: Arc<dyn Clock>,
        limits: BrokerLimits,
    ) -> Result<Logins, StartError> {
        let Nats { issuer, broker: settings, xkey, internal_token } = nats;
        let Some(issuer) = issuer else { return Ok(Logins::default()) };
        let Some(settings) = settings else {
            let callout = callout(config, &issuer, state, clock, None)?;
            return Ok(Logins { internal: internal(internal_token, callout), ..Logins::default() });
        };
        let connected = Broker::connect(&settings, of_inboxes(&config.nats), of_mail(&config.nats), limits).await;
        let (broker, doubted) = connected.map_err(StartError::Broker)?;
        let callout = callout(config, &issuer, state, clock.clone(), Some(&broker))?;
        let service = service(xkey.as_ref(), callout.clone(), &broker)?;
        let upkeep = Upkeep { registry: state.registry.clone(), ended, doubted, clock };
        let running = Some(broker.start(service, upkeep));
        Ok(Logins { broker: Some(broker), internal: internal(internal_token, callout), running })
    }

    /// Answers what was asked, and no more.
    pub(super) async fn stop(self) {
        if let Some(running) = self.running {
            running.stop().await;
        }
    }
}

fn callout(
    config: &Config,
    issuer: &Seed,
    state: &State,
    clock: Arc<dyn Clock>,
    broker: Option<&Arc<Broker>>,
) -> Result<Arc<Callout>, StartError> {
    let ids = random::key_bytes().map_err(|error| StartError::Broker(format!("no random bytes: {error}")))?;
    let policy = LoginPolicy {
        server: config.server.clone(),
        allow_stock_nkey: config.nats.nats_allow_stock_nkey,
        session_secs: config.nats.nats_session_secs,
    };
    let (registry, cache) = (state.registry.clone(), state.by_key.clone());
    let admission: Arc<dyn Admission> = match broker {
        Some(broker) => broker.clone(),
        None => Arc::new(Unlimited),
    };
    Ok(Arc::new(Callout {
        issuer: Issuer::new(issuer),
        policy,
        clock,
        identities: Arc::new(RegistryIdentities { registry, cache, broker: broker.cloned() }),
        admission,
        ids: Ids::new(&ids),
        brokers: BrokerKeys::default(),
    }))
}

fn internal(token: Option<Token>, callout: Arc<Callout>) -> Option<Arc<Internal>> {
    token.map(|token| Arc::new(Internal { token, callout }))
}

fn service(xkey: Option<&Seed>, callout: Arc<Callout>, broker: &Broker) -> Result<Service, StartError> {
    let xkey = xkey.map(|seed| nkeys::XKey::from_seed(seed.text())).transpose();
    let xkey = xkey.map_err(|_| StartError::Broker("--nats-xkey-seed: this is no seed".to_owned()))?;
    Ok(Service { callout, xkey, granted: broker.granted(), late: Late::default() })
}

fn of_inboxes(flags: &NatsFlags) -> broker::Limits {
    broker::Limits {
        max_age: Duration::from_secs(u64::from(flags.nats_inbox_days) * 86_400),
        max_bytes: flags.nats_inbox_bytes,
        per_sender: i64::from(flags.nats_inbox_per_sender),
    }
}

fn of_mail(flags: &NatsFlags) -> broker::Limits {
    broker::Limits {
        max_age: MAIL_STAYS,
        max_bytes: flags.nats_mail_bytes,
        per_sender: i64::from(flags.nats_mail_per_sender),
    }
}
