//! How far this server's clock and the brokers' are apart. A login's question says until when it may be answered, and an
//! answer says how long the session lasts, each by the clock of the one who wrote it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Message};
use futures_util::StreamExt as _;
use kez_core::Timestamp;
use serde::Deserialize;
use tokio::time::{Instant, interval, timeout};

use super::{Broker, BrokerLimits};
use crate::clock::Clock;

/// Where every broker says what time it has.
const SUBJECT: &str = "$SYS.REQ.SERVER.PING";
/// How often they are asked.
const EVERY: Duration = Duration::from_secs(5);
/// How long an answer counts.
const COUNTS: Duration = Duration::from_secs(30);
/// How long the first answer may take, and how long one more.
const PATIENCE: Duration = Duration::from_secs(3);
const SILENCE: Duration = Duration::from_millis(400);
/// How often the log tells of the same.
const TOLD: Duration = Duration::from_secs(60);

/// By how much this server's clock is ahead of a broker's, in milliseconds; negative when it is behind. Of all that the
/// time on the way allows, it is what is nearest to none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skew(i64);

impl Skew {
    /// From a broker's time, asked for and heard at these times by this server's clock, all in milliseconds since 1970.
    fn between(asked: i64, told: i64, heard: i64) -> Self {
        let (least, most) = (asked.min(heard) - told, heard.max(asked) - told);
        Skew(0_i64.clamp(least, most))
    }

    /// In seconds.
    pub(crate) fn seconds(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "only for centuries")]
        let seconds = self.0 as f64 / 1000.0;
        seconds
    }

    fn apart(self) -> Duration {
        Duration::from_millis(self.0.unsigned_abs())
    }

    /// Whether it deserves a warning.
    pub(crate) fn is_large(self, limits: &BrokerLimits) -> bool {
        self.apart() > limits.skew_told
    }

    /// Whether logins fail for it.
    fn is_too_large(self, limits: &BrokerLimits) -> bool {
        self.apart() > if self.0 > 0 { limits.clock_ahead } else { limits.clock_behind }
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.0 < 0 { "behind" } else { "ahead of" };
        write!(f, "{:.1} s {side}", self.apart().as_secs_f64())
    }
}

#[derive(Deserialize)]
struct Reply {
    server: Server,
}

#[derive(Deserialize)]
struct Server {
    id: String,
    time: String,
}

/// Measures for as long as the server runs.
pub(super) async fn watch(broker: Arc<Broker>, clock: Arc<dyn Clock>) {
    let sys = &broker.sys;
    let inbox = sys.client.new_inbox();
    let mut answers = match sys.client.subscribe(inbox.clone()).await {
        Ok(answers) => answers,
        Err(error) => return tracing::error!(%error, "the broker's clock cannot be asked for"),
    };
    let (mut seen, mut asked, mut told): (u64, i64, Told) = (0, 0, None);
    let mut found: HashMap<String, (Skew, Instant)> = HashMap::new();
    let mut rounds = interval(EVERY);
    loop {
        tokio::select! {
            biased;
            answer = answers.next() => {
                let Some(answer) = answer else { return };
                let heard = clock.now_millis();
                let Some((server, time)) = read(&answer) else { continue };
                found.insert(server, (Skew::between(asked, time, heard), Instant::now()));
                found.retain(|_, (_, at)| at.elapsed() < COUNTS);
                let worst = found.values().map(|(skew, _)| *skew).max_by_key(|skew| skew.apart());
                tell(&broker, worst.unwrap_or_default(), &mut told);
                continue;
            }
            () = sys.came_up(&mut seen) => {
                // Others may be there than before.
                found.clear();
            }
            _ = rounds.tick(), if sys.is_up() => {}
        }
        asked = clock.now_millis();
        // The client's own queue; should it be gone, the server is too.
        let _ = sys.client.publish_with_reply(SUBJECT, inbox.clone(), bytes::Bytes::new()).await;
    }
}

/// What was said last in the log, and when.
type Told = Option<(Skew, Instant)>;

fn tell(broker: &Broker, skew: Skew, told: &mut Told) {
    let limits = &broker.limits;
    metrics::gauge!("broker_clock_skew_seconds").set(skew.seconds());
    let is_too_large = skew.is_too_large(limits);
    let trouble = format!("this server's clock is {skew} the broker's; use NTP on both");
    if skew.is_large(limits) || is_too_large {
        let is_news = told.is_none_or(|(last, at)| at.elapsed() >= TOLD || (last.0 - skew.0).unsigned_abs() > 1000);
        if is_news {
            *told = Some((skew, Instant::now()));
            let fails = if is_too_large { "logins fail" } else { "logins fail when it gets worse" };
            tracing::warn!(skew_secs = skew.seconds(), "{trouble}: {fails}");
        }
    } else if told.take().is_some() {
        tracing::info!("this server's clock and the broker's agree again");
    }
    broker.health.set_clock(is_too_large.then_some(trouble));
}

/// How far each broker's clock is from this machine's, by the broker's id.
///
/// # Errors
/// One line, when none answers.
pub(crate) async fn measure(sys: &Client, clock: &dyn Clock) -> Result<Vec<Skew>, String> {
    let inbox = sys.new_inbox();
    let mut answers = sys.subscribe(inbox.clone()).await.map_err(|error| error.to_string())?;
    sys.flush().await.map_err(|error| error.to_string())?;
    let asked = clock.now_millis();
    sys.publish_with_reply(SUBJECT, inbox, bytes::Bytes::new()).await.map_err(|error| error.to_string())?;
    let (mut found, mut patience) = (Vec::new(), PATIENCE);
    while let Ok(Some(answer)) = timeout(patience, answers.next()).await {
        let heard = clock.now_millis();
        found.extend(read(&answer).map(|(_, time)| Skew::between(asked, time, heard)));
        patience = SILENCE;
    }
    if found.is_empty() { Err("the broker does not say what time it has".to_owned()) } else { Ok(found) }
}

/// Which broker answers, and its time in milliseconds since 1970.
fn read(answer: &Message) -> Option<(String, i64)> {
    let Reply { server } = serde_json::from_slice(&answer.payload).ok()?;
    Some((server.id, millis(&server.time)?))
}

/// Reads what Go writes, such as `2026-11-30T18:57:44.499135713Z`.
fn millis(time: &str) -> Option<i64> {
    let (whole, fraction) = time.strip_suffix('Z')?.split_once('.').unwrap_or((time.strip_suffix('Z')?, "0"));
    let seconds: Timestamp = format!("{whole}Z").parse().ok()?;
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(seconds.unix() * 1000 + digits.parse::<u32>().map(i64::from).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_brokers_write_them() {
        assert_eq!(millis("1970-01-01T00:00:01.499135713Z"), Some(1_499));
        assert_eq!(millis("1970-01-01T00:00:01.5Z"), Some(1_500));
        assert_eq!(millis("1970-01-01T00:00:01Z"), Some(1_000));
        for bad in ["", "Z", "now", "1970-01-01T00:00:01", "1970-01-01T00:00:01.xZ", "1970-01-01T00:00:01+01:00"] {
            assert_eq!(millis(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_the_way_took_is_nobodys_skew() {
        assert_eq!(Skew::between(1_000, 4_000, 6_000), Skew(0));
        assert_eq!(Skew::between(9_000, 1_000, 9_200), Skew(8_000));
        assert_eq!(Skew::between(1_000, 9_000, 1_200), Skew(-7_800));
        assert_eq!(Skew(8_000).to_string(), "8.0 s ahead of");
        assert_eq!(Skew(-2_400_000).to_string(), "2400.0 s behind");
    }

    #[test]
    fn ahead_fails_sooner_than_behind() {
        let limits = BrokerLimits::default();
        let fails = |millis: i64| Skew(millis).is_too_large(&limits);
        assert!(!fails(3_000) && fails(3_001) && !fails(-300_000) && fails(-300_001));
        assert!(Skew(2_001).is_large(&limits) && Skew(-2_001).is_large(&limits) && !Skew(2_000).is_large(&limits));
    }
}
