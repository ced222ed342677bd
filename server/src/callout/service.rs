//! The thin loop between the broker and [`Callout`]: takes requests, answers them side by side, up to a bound.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use kez_core::KeyId;
use nkeys::XKey;
use tokio::sync::{Semaphore, watch};

use super::{Answer, Callout, Connection, Dropped};

/// Where the broker asks.
pub(crate) const SUBJECT: &str = "$SYS.REQ.USER.AUTH";
/// Servers of one queue group share the requests; a stray second answer would break logins.
pub(crate) const QUEUE: &str = "kez-auth";
/// The broker's own key, when it encrypts.
const XKEY_HEADER: &str = "Nats-Server-Xkey";
/// Most requests that one loop works on at once. What waits behind them is dropped once it is late.
const MAX_AT_WORK: usize = 256;
/// Most refusals that are held back at once; the others go out without a delay.
const MAX_HELD: usize = 4096;
/// How often the log tells of logins that came too late.
const TOLD: Duration = Duration::from_secs(10);
/// How long answers in flight may take when the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// Answers the broker's requests.
pub(crate) struct Service {
    pub(crate) callout: Arc<Callout>,
    /// Decrypts requests and encrypts answers, when the broker is configured to.
    pub(crate) xkey: Option<XKey>,
    /// Is told who is let in where, before the broker is.
    pub(crate) granted: Arc<Granted>,
    /// What came too late.
    pub(crate) late: Late,
}

/// Logins that were dropped because their answer would have come too late: how many since the log told of some, and when
/// that was. A flood of them is one line every few seconds.
#[derive(Default)]
pub(crate) struct Late(Mutex<(u64, Option<Instant>)>);

impl Late {
    fn count(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, told) = &mut *state;
        *count += 1;
        if told.is_none_or(|told| told.elapsed() >= TOLD) {
            tracing::warn!(
                count = *count,
                "logins were dropped as late: this server is overloaded, or its clock is ahead of the broker's"
            );
            (*count, *told) = (0, Some(Instant::now()));
        }
    }
}

/// The connections that this server let in, by the key that they were opened with. The broker knows only handles.
pub(crate) type Granted = moka::sync::Cache<Connection, KeyId>;

/// One answer's way out.
struct Outgoing {
    client: Client,
    message: Message,
    sealed_for: Option<XKey>,
}

impl Service {
    /// Answers what `requests` brings until `ended`, and then what is in flight.
    pub(crate) async fn run(self: Arc<Self>, client: Client, mut requests: Subscriber, mut ended: watch::Receiver<()>) {
        let at_work = Arc::new(Semaphore::new(MAX_AT_WORK));
        let held = Arc::new(Semaphore::new(MAX_HELD));
        let mut ends_at = None;
        loop {
            let message = tokio::select! {
                message = requests.next() => message,
                // Nothing is ever sent; the other end goes.
                _ = ended.changed(), if ends_at.is_none() => {
                    ends_at = Some(tokio::time::Instant::now() + GRACE);
                    // What the broker has sent already still comes; then there is an end.
                    drop(requests.drain().await);
                    continue;
                }
                // A broker that is gone never says that it has sent everything.
                () = until(ends_at) => break,
            };
            let Some(message) = message else { break };
            // The semaphore is never closed.
            let Ok(permit) = at_work.clone().acquire_owned().await else { return };
            let (service, client, held) = (self.clone(), client.clone(), held.clone());
            let mut work = Box::pin(async move {
                let hold = service.answer(client, message).await;
                drop(permit);
                if let Some((outgoing, answer)) = hold {
                    let place = held.try_acquire();
                    if place.is_ok() {
                        tokio::time::sleep(delay(answer.spread)).await;
                    }
                    service.send(outgoing, &answer.jwt).await;
                }
            });
            // A key that is cached waits for nothing: its answer is done here, without waking another thread for it.
            if futures_util::poll!(&mut work).is_pending() {
                tokio::spawn(work);
            }
        }
        let all = u32::try_from(MAX_AT_WORK).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(GRACE, at_work.acquire_many(all)).await;
    }

    /// Answers at once who is let in; gives back what has to wait.
    async fn answer(&self, client: Client, message: Message) -> Option<(Outgoing, Answer)> {
        let started = Instant::now();
        let (request, sealed_for) = match self.open(&message) {
            Some(opened) => opened,
            None => {
                report(Err(Dropped::Undecodable), started);
                return None;
            }
        };
        let answered = self.callout.answer(&request).await;
        report(answered.as_ref().map_err(|dropped| *dropped), started);
        if matches!(answered, Err(Dropped::Late)) {
            self.late.count();
        }
        let answer = answered.ok()?;
        if let Some((connection, key)) = &answer.granted {
            self.granted.insert(connection.clone(), *key);
        }
        let outgoing = Outgoing { client, message, sealed_for };
        if answer.refusal.is_some() {
            return Some((outgoing, answer));
        }
        self.send(outgoing, &answer.jwt).await;
        None
    }

    /// The request JWT, and whom to encrypt the answer for.
    fn open(&self, message: &Message) -> Option<(Bytes, Option<XKey>)> {
        let Some(xkey) = &self.xkey else { return Some((message.payload.clone(), None)) };
        let sender = XKey::from_public_key(message.headers.as_ref()?.get(XKEY_HEADER)?.as_str()).ok()?;
        let request = xkey.open(&message.payload, &sender).ok()?;
        Some((request.into(), Some(sender)))
    }

    async fn send(&self, to: Outgoing, jwt: &str) {
        let Some(reply) = to.message.reply else { return };
        let payload = match (&self.xkey, &to.sealed_for) {
            (Some(xkey), Some(broker)) => match xkey.seal(jwt.as_bytes(), broker) {
                Ok(sealed) => sealed.into(),
                Err(error) => return tracing::error!(%error, "an answer cannot be encrypted"),
            },
            _ => Bytes::copy_from_slice(jwt.as_bytes()),
        };
        if let Err(error) = to.client.publish(reply, payload).await {
            tracing::warn!(%error, "an answer cannot be sent");
        }
    }
}

/// Completes at the given time, or never.
async fn until(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// How long a refusal is held back, 20 to 83 ms: what it took to find out does not show.
fn delay(spread: u8) -> Duration {
    Duration::from_millis(20 + u64::from(spread) / 4)
}

fn report(answered: Result<&Answer, Dropped>, started: Instant) {
    let result = match answered {
        Ok(Answer { refusal: None, .. }) => "allowed",
        Ok(Answer { refusal: Some(refusal), .. }) => refusal.as_str(),
        Err(dropped) => dropped.as_str(),
    };
    metrics::counter!("callout_requests_total", "result" => result).increment(1);
    metrics::histogram!("callout_duration_seconds").record(started.elapsed().as_secs_f64());
    match answered {
        Err(dropped) if dropped != Dropped::Late => tracing::warn!(result, "a message that deserves no answer"),
        _ => tracing::debug!(result, "login answered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_held_back_from_20_to_83_ms() {
        let held: Vec<_> = [0, 4, 255].map(delay).to_vec();
        assert_eq!(held, [20, 21, 83].map(Duration::from_millis));
    }
}
