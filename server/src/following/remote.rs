//! The sigchain server that is followed, asked over HTTP. Each answer is read up to a size and for a time.

use std::io::Read as _;
use std::time::Duration;

use kez_core::sigchain::{Audit, Line};
use kez_core::{Hash, KeyId};
use kez_http::bearer::Token;

use super::kept::{Kept, Refused};

/// Entries of the log that are asked for at once.
pub(super) const PAGE: usize = 500;
/// Largest page of the log that is read, in bytes: twice what its largest entries take.
const MAX_PAGE_BYTES: u64 = 10 * 1024 * 1024;
/// How long a page may take. While it does, nobody knows what is new.
const PAGE_PATIENCE: Duration = Duration::from_secs(10);
/// Largest audit log that is read, in bytes. What a server takes of one chain is a small part of it, but a chain may have
/// been larger before there was a limit.
const MAX_AUDIT_BYTES: u64 = 64 * 1024 * 1024;
/// How long an audit log may take.
const AUDIT_PATIENCE: Duration = Duration::from_secs(20);

/// Why there was no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    /// It may be there later.
    #[error("{0}")]
    Away(String),
    /// What it says is not followed.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// A line of the log, as far as it can be read.
#[derive(Debug)]
pub(super) enum Read {
    Line(Box<Line>),
    /// It is about this chain, if it says so; nothing else can be made of it.
    Garbled(u64, Option<KeyId>),
}

impl Read {
    pub(super) fn log_index(&self) -> u64 {
        match self {
            Read::Line(line) => line.log_index,
            Read::Garbled(log_index, _) => *log_index,
        }
    }
}

/// One server.
#[derive(Clone)]
pub(crate) struct Remote {
    /// Without a slash at its end.
    url: String,
    /// Opens the log of all chains.
    token: Option<Token>,
    agent: ureq::Agent,
}

impl Remote {
    /// The server at `url`, which has no slash at its end; `token` opens its log of all chains.
    pub(crate) fn new(url: String, token: Option<Token>) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
        Remote { url, token, agent: agent.build().into() }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Lines of the log behind `after`, in order, at most [`PAGE`].
    pub(super) async fn page(&self, after: u64) -> Result<Vec<Read>, Unread> {
        let url = format!("{}/v1/export?after={after}&limit={PAGE}", self.url);
        let remote = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let text = remote.get(&url, remote.token.as_ref(), PAGE_PATIENCE, MAX_PAGE_BYTES)?;
            Ok(lines(&text, after))
        });
        asked.await.map_err(|error| Unread::Away(error.to_string()))?
    }

    /// A chain by its whole log, of which the store has `stored`. Verifying may take a while: not for a thread that others
    /// wait for.
    pub(super) fn chain(&self, id: KeyId, stored: Option<(u64, Hash)>) -> Result<Kept, Unread> {
        let url = format!("{}/v1/sigchains/ed25519/{}/audit", self.url, id.hex());
        let text = self.get(&url, None, AUDIT_PATIENCE, MAX_AUDIT_BYTES)?;
        let audit = Audit::parse(&text).map_err(|problem| Refused::NoLog(problem.detail.into_owned()))?;
        if audit.chain != id.to_string() {
            return Err(Refused::NoLog("it is another chain's log".to_owned()).into());
        }
        let mut kept = Kept::new(id, stored);
        for received in audit.entries() {
            kept.add(received.entry)?;
        }
        // A log that ends before what was followed takes that back.
        if kept.followed().is_some() { Ok(kept) } else { Err(Refused::Another.into()) }
    }

    fn get(&self, url: &str, token: Option<&Token>, patience: Duration, limit: u64) -> Result<Vec<u8>, Unread> {
        let away = |error: &dyn std::fmt::Display| Unread::Away(error.to_string());
        let mut request = self.agent.get(url).config().timeout_global(Some(patience)).build();
        if let Some(token) = token {
            request = request.header("authorization", token.header().as_str());
        }
        let mut answer = request.call().map_err(|error| away(&error))?;
        match answer.status().as_u16() {
            200 => {}
            401 => return Err(away(&"it answers 401: --sig-server-token is not its export token")),
            status => return Err(away(&format!("it answers {status}"))),
        }
        let mut text = Vec::new();
        let mut body = answer.body_mut().as_reader().take(limit + 1);
        body.read_to_end(&mut text).map_err(|error| away(&error))?;
        if text.len() as u64 > limit {
            return Err(Refused::NoLog(format!("its answer has more than {limit} bytes")).into());
        }
        Ok(text)
    }
}

/// Reads a page behind `after`. A line that cannot be read is one line: whatever comes behind it counts.
fn lines(text: &[u8], after: u64) -> Vec<Read> {
    let mut last = after;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read = lines.map(|text| {
        let line = match Line::parse(text) {
            Some(line) => Read::Line(Box::new(line)),
            // Log indexes have no gaps.
            None => Read::Garbled(number(text).unwrap_or(last + 1), chain(text)),
        };
        last = line.log_index();
        line
    });
    read.collect()
}

/// The number in a line that is no JSON.
fn number(line: &[u8]) -> Option<u64> {
    let digits: Vec<u8> = behind(line, b"\"log_index\":")?.iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// The chain in a line that is no JSON.
fn chain(line: &[u8]) -> Option<KeyId> {
    let text = behind(line, b"\"chain\":\"")?;
    let end = text.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

fn behind<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = line.windows(name.len()).position(|part| part == name)?;
    Some(&line[at + name.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cannot_be_read_is_one_line() {
        let chain = KeyId::ed25519([7; 32]);
        let good = |index: u64| {
            format!(
                "{{\"log_index\":{index},\"chain\":\"{chain}\",\"event\":{{}},\"received_at\":\"2026-05-25T03:00:00Z\"}}"
            )
        };
        let cut = good(5);
        let text = format!("{}\n{}\n\nnothing\n{}\n", good(4), &cut[..cut.len() - 9], good(7));
        let read = lines(text.as_bytes(), 3);
        let told = |line: &Read| match line {
            Read::Line(line) => (line.log_index, Some(line.chain), true),
            Read::Garbled(log_index, chain) => (*log_index, *chain, false),
        };
        let told: Vec<_> = read.iter().map(told).collect();
        assert_eq!(told, [(4, Some(chain), true), (5, Some(chain), false), (6, None, false), (7, Some(chain), true)]);
        assert!(lines(b"", 3).is_empty());
    }
}
