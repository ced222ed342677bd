//! `kez-chat-server doctor`: looks at a deployment from the server's place and says what is wrong with it.
//!
//! It reads the same settings as the server, changes nothing, and logs in nowhere but as the server's own users; at the
//! broker it makes a stream of its own and removes it. Each check is one line: what was looked at, and what was found or
//! what to do.

mod broker;
mod web;

use std::fmt;

use kez_core::text::shown;

use crate::clock::Clock;
use crate::config::Config;
use crate::config::nats::Nats;
use kez_store::sqlite;

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    name: &'static str,
    verdict: Verdict,
    text: String,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    /// It could not be looked at, for a reason that is no fault in itself.
    Skipped,
    Failed,
}

impl Finding {
    fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Finding { name, verdict: Verdict::Ok, text: text.into() }
    }

    fn skipped(name: &'static str, text: impl Into<String>) -> Self {
        Finding { name, verdict: Verdict::Skipped, text: text.into() }
    }

    fn failed(name: &'static str, text: impl Into<String>) -> Self {
        Finding { name, verdict: Verdict::Failed, text: text.into() }
    }

    /// A finding from a result.
    fn of(name: &'static str, result: Result<String, String>) -> Self {
        result.map_or_else(|why| Finding::failed(name, why), |text| Finding::ok(name, text))
    }

    /// Whether something has to be done.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.verdict == Verdict::Failed
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Skipped => "-",
            Verdict::Failed => "FAIL",
        };
        // Much of it are a broker's or a proxy's own words.
        write!(f, "{verdict:<5} {:<10} {}", self.name, shown(&self.text))
    }
}

/// Looks at everything that the settings name.
pub async fn examine(config: &Config, nats: &Nats, clock: &dyn Clock) -> Vec<Finding> {
    let of = |text: String| format!("{}: {text}", config.db.display());
    let database = sqlite::examine(&config.db).await.map(of).map_err(of);
    let mut findings = vec![Finding::of("database", database)];
    findings.push(web::server(config, nats).await);
    findings.push(web::forwarding(config).await);
    findings.push(web::site(config));
    match (&nats.broker, &nats.issuer) {
        (Some(settings), Some(issuer)) => {
            findings.extend(broker::examine(settings, issuer, nats.xkey.as_ref(), clock).await);
            findings.push(web::websocket(config).await);
        }
        _ => findings.push(Finding::skipped("broker", "none is configured; kez-chat-server init makes one's settings")),
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_words_do_not_steer_the_terminal() {
        let finding = Finding::failed("broker", "it is \u{9b}31m\u{202e}2.15.1");
        assert_eq!(finding.to_string(), "FAIL  broker     it is \u{fffd}31m\u{fffd}2.15.1");
    }
}
