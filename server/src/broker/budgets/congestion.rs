//! Whether a stream keeps up with what is sent, and if not, who is to blame.
//!
//! What is sent waits in the broker for the disk, up to 128 MiB of it, and whoever sends next waits behind. So those who
//! send that much lose the right to, and what they left in the queue is refused instead of stored.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::{HeaderMap, RequestErrorKind, header};
use kez_core::KeyId;
use tokio::time::timeout;

use super::enforce::{Enforcer, Why};
use crate::broker::kind::Kind;
use crate::broker::{Broker, sessions};
use crate::callout::Connection;

/// A message that takes longer than this to be dealt with had to wait.
const CALM: Duration = Duration::from_millis(500);
/// Between the two looks at who sends how much.
const APART: Duration = Duration::from_millis(400);
/// Connections that are looked at: those that have sent the most.
const BUSIEST: usize = 1_000;
/// Messages a second that are nobody's fault.
const SLOW: f64 = 100.0;
/// How long it may take the broker to refuse a full queue.
const REFUSING: Duration = Duration::from_secs(5);

/// Looks whether messages have to wait. If so, those who send the most lose the right to, and what they sent is refused.
pub(super) async fn look(broker: &Broker, kind: Kind, enforcer: &Enforcer) {
    if is_calm(broker, kind, CALM).await {
        return;
    }
    let crowd = match crowd(broker).await {
        Ok(crowd) => crowd,
        Err(error) => return tracing::warn!(error, "messages have to wait, and who sends them cannot be told"),
    };
    let chains: std::collections::HashSet<KeyId> =
        crowd.iter().filter_map(|connection| broker.sessions.chain(connection)).collect();
    tracing::warn!(connections = crowd.len(), identities = chains.len(), of = kind.plural(), "messages have to wait");
    for chain in chains {
        enforcer.keep_out(chain, broker.limits.crowding_for, Why::Crowding).await;
    }
    if crowd.is_empty() {
        return;
    }
    if let Err(error) = sessions::kick_all(&broker.sys.client, crowd).await {
        tracing::warn!(error, "those who send too much cannot be ended yet");
    }
    if !is_calm(broker, kind, CALM).await {
        let emptied = async { while !is_calm(broker, kind, REFUSING).await {} };
        broker.boxes(kind).refuse_while(async { drop(timeout(REFUSING, emptied).await) }).await;
    }
}

/// Whether a message that the stream refuses by its headers is refused in time: it waits as any other does, and costs
/// nothing.
async fn is_calm(broker: &Broker, kind: Kind, within: Duration) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(header::NATS_EXPECTED_STREAM, "NONE");
    let asked = broker.store.client.request_with_headers(kind.route().canary(), headers, bytes::Bytes::new());
    match timeout(within, asked).await {
        Ok(Ok(_)) => true,
        // There is no stream, or no broker: that is another matter.
        Ok(Err(error)) => error.kind() != RequestErrorKind::TimedOut,
        Err(_) => false,
    }
}

/// Those who send three quarters of what is sent now, the busiest first.
async fn crowd(broker: &Broker) -> Result<Vec<Connection>, String> {
    let sys = &broker.sys.client;
    let first: HashMap<Connection, u64> = sessions::busiest(sys, BUSIEST).await?.into_iter().collect();
    let between = tokio::time::Instant::now();
    tokio::time::sleep(APART).await;
    let second = sessions::busiest(sys, BUSIEST).await?;
    let secs = between.elapsed().as_secs_f64();
    let mut rates: Vec<(f64, Connection)> = second
        .into_iter()
        .map(|(connection, sent)| {
            let sent = sent.saturating_sub(first.get(&connection).copied().unwrap_or_default());
            (f64::from(u32::try_from(sent).unwrap_or(u32::MAX)) / secs, connection)
        })
        .collect();
    rates.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    Ok(most(&rates))
}

fn most(rates: &[(f64, Connection)]) -> Vec<Connection> {
    let all: f64 = rates.iter().map(|(rate, _)| rate).sum();
    let mut sum = 0.0;
    let most = rates.iter().take_while(|(rate, _)| {
        let is_needed = sum < all * 0.75 && *rate > SLOW;
        sum += rate;
        is_needed
    });
    most.map(|(_, connection)| connection.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_send_most_of_it_are_to_blame_and_those_who_send_little_never() {
        let at = |cid| Connection { server: "N".to_owned(), cid };
        let cids = |rates: &[f64]| {
            let rates: Vec<_> = rates.iter().zip(1..).map(|(rate, cid)| (*rate, at(cid))).collect();
            most(&rates).into_iter().map(|connection| connection.cid).collect::<Vec<u64>>()
        };
        assert_eq!(cids(&[]), [0_u64; 0]);
        assert_eq!(cids(&[20_000.0, 150.0, 20.0]), [1]);
        assert_eq!(cids(&[9_000.0, 9_000.0, 300.0, 2.0]), [1, 2]);
        assert_eq!(cids(&[400.0; 20]), (1..=15).collect::<Vec<_>>());
        assert_eq!(cids(&[90.0; 200]), [0_u64; 0], "many who send little");
    }
}
