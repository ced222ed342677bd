//! Talking to a server: JSON over HTTP, with limits on time and size, and words for everything that can go wrong.

use std::io;
use std::time::Duration;

use kez_core::{Code, Hash, KeyId, Problem, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body, Error};

use crate::clock;
use crate::failure::{Failure, Local};
use crate::output;
use crate::server_url::ServerUrl;

/// From the first packet to the last byte of an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer that is read unless another limit is given, in bytes; a real one has at most some 10 KiB.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;
/// The same for what only machines read: a part of a conversation's log has at most a megabyte, and base64 is in that.
const MAX_MACHINE_ANSWER_BYTES: u64 = 2 * 1024 * 1024;
/// Characters of a server's own words that are shown.
const MAX_DETAIL: usize = 500;

/// One server.
pub(crate) struct Client {
    url: ServerUrl,
    agent: Agent,
}

/// A problem (RFC 9457) as a server sends it.
#[derive(Deserialize)]
struct WireProblem {
    code: String,
    #[serde(default)]
    detail: String,
    server_time: Option<Timestamp>,
    chain: Option<KeyId>,
    epoch: Option<u64>,
}

/// What a server refuses, as far as a machine needs to know.
pub(crate) struct Refusal {
    pub(crate) code: Code,
    /// The conversation's current epoch, with [`Code::ConversationConflict`] of a commit.
    pub(crate) epoch: Option<u64>,
    /// Seconds to wait.
    pub(crate) retry_after: Option<u64>,
}

impl Client {
    /// Connects to nothing yet.
    pub(crate) fn new(url: ServerUrl) -> Self {
        if url.is_exposed() {
            output::warn(&format!("{url} is not encrypted: whoever is on the way can answer in the server's place."));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would have another server answer than the one that was named.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("kez/", env!("CARGO_PKG_VERSION")));
        if url.is_loopback() {
            config = config.proxy(None);
        }
        Client { url, agent: config.build().into() }
    }

    /// The server's address.
    pub(crate) fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// `GET`, and the answer's bytes, which are JSON of some kind.
    pub(crate) fn get_bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.answer(self.agent.get(format!("{}{path}", self.url)).call())
    }

    /// The same for an answer that may be larger than most; `larger` is what to say of one that is larger still.
    pub(crate) fn get_bytes_up_to(&self, path: &str, limit: usize, larger: Failure) -> Result<Vec<u8>, Failure> {
        let response = self.agent.get(format!("{}{path}", self.url)).call();
        self.answer_up_to(response, limit as u64).map_err(|error| match error {
            Error::BodyExceedsLimit(_) => larger,
            error => self.unreachable(error),
        })?
    }

    /// `GET`, and the answer as `T`.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.read(&self.get_bytes(path)?)
    }

    /// `POST` of a JSON document, and the answer as `T`.
    pub(crate) fn post<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T, Failure> {
        let request = self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        self.read(&self.answer(request.send(body))?)
    }

    /// `POST` of what a machine says to a machine: whether the answer is 200 and not 201, and its bytes. The error is a refusal
    /// in the server's words, or none where there was no answer of a server of this kind.
    pub(crate) fn ask(&self, path: &str, body: &[u8]) -> Result<(bool, Vec<u8>), Option<Refusal>> {
        let request = self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        let mut response = request.send(body).map_err(|_| None)?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        let body = response.body_mut().with_config().limit(MAX_MACHINE_ANSWER_BYTES).read_to_vec().map_err(|_| None)?;
        if status.is_success() {
            return Ok((status == StatusCode::OK, body));
        }
        let problem: WireProblem = serde_json::from_slice(&body).map_err(|_| None)?;
        let code = Code::from_text(&problem.code).ok_or(None)?;
        Err(Some(Refusal { code, epoch: problem.epoch, retry_after }))
    }

    /// `POST` of a sigchain event, behind `head` and no other, and the answer as `T`.
    pub(crate) fn post_if<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &[u8],
        head: Option<Hash>,
    ) -> Result<T, Failure> {
        let mut request = self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        if let Some(head) = head {
            request = request.header(header::IF_MATCH, format!("\"{head}\""));
        }
        self.read(&self.answer(request.send(body))?)
    }

    fn read<T: DeserializeOwned>(&self, answer: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(answer).map_err(|_| self.no_kez_server("answered with JSON of another kind"))
    }

    fn answer(&self, response: Result<Response<Body>, Error>) -> Result<Vec<u8>, Failure> {
        self.answer_up_to(response, MAX_ANSWER_BYTES).map_err(|error| self.unreachable(error))?
    }

    /// The answer, or what it says instead of one; the error is that it cannot be read.
    fn answer_up_to(
        &self,
        response: Result<Response<Body>, Error>,
        limit: u64,
    ) -> Result<Result<Vec<u8>, Failure>, Error> {
        let mut response = response?;
        let status = response.status();
        if status.is_redirection() {
            return Ok(Err(self.redirected(&response)));
        }
        let media_type = response.body().mime_type().unwrap_or("nothing").to_ascii_lowercase();
        let body = response.body_mut().with_config().limit(limit).read_to_vec()?;
        Ok(self.understood(status, &media_type, body))
    }

    fn understood(&self, status: StatusCode, media_type: &str, body: Vec<u8>) -> Result<Vec<u8>, Failure> {
        if status.is_success() && ["application/json", "application/jrd+json"].contains(&media_type) {
            return Ok(body);
        }
        match serde_json::from_slice(&body) {
            Ok(problem) if media_type == "application/problem+json" => Err(self.problem(problem)),
            _ => Err(self.no_kez_server(&format!("answered with status {} and {media_type:.80}", status.as_u16()))),
        }
    }

    fn problem(&self, problem: WireProblem) -> Failure {
        let Some(code) = Code::from_text(&problem.code) else {
            return self.no_kez_server("answered with a problem that this kez does not know");
        };
        let detail = problem.detail.chars().take(MAX_DETAIL).collect::<String>();
        let server_time = problem.server_time.filter(|_| code == Code::StaleTimestamp);
        let chain = problem.chain.filter(|_| code == Code::Gone);
        Failure { chain, ..Problem { server_time, ..Problem::new(code, detail) }.into() }
    }

    fn redirected(&self, response: &Response<Body>) -> Failure {
        let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        self.no_kez_server(&format!("sends on to {to:.200}; if that is the right one, name it with --server"))
    }

    fn no_kez_server(&self, what: &str) -> Failure {
        Failure::new(Local::NotAServer, format!("{} {what}. Is the address that of a kez-chat server?", self.url))
    }

    fn unreachable(&self, error: Error) -> Failure {
        let url = &self.url;
        let detail = match error {
            Error::BodyExceedsLimit(limit) => {
                return self.no_kez_server(&format!("answered with more than {limit} bytes"));
            }
            Error::Protocol(_) => return self.no_kez_server("answers, but not in HTTP"),
            Error::HostNotFound => format!("The host of {url} is not known; check the spelling and the network."),
            Error::Timeout(_) => format!("{url} did not answer in time; try again later."),
            Error::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => format!("Nothing answers at {url}; is the server running there?"),
                io::ErrorKind::TimedOut => format!("{url} did not answer in time; try again later."),
                io::ErrorKind::InvalidData => no_tls(url, &error),
                _ => format!("There is no connection to {url}: {error}."),
            },
            Error::Tls(what) => no_tls(url, &what),
            Error::Rustls(error) => no_tls(url, &error),
            other => format!("{url} cannot be asked: {other}."),
        };
        Failure::new(Local::ServerUnreachable, detail)
    }
}

/// Seconds (RFC 9110 section 10.2.3); a date is nothing that these servers send.
fn retry_after(response: &Response<Body>) -> Option<u64> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

fn no_tls(url: &ServerUrl, error: &dyn std::fmt::Display) -> String {
    let clock = clock::suspicion(&error.to_string());
    format!("There is no secure connection to {url} ({error}); does that server have a valid certificate?{clock}")
}
