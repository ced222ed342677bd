//! JetStream's own questions and answers, as JSON: for what the library has no function for, or one without a bound.

use std::time::Duration;

use async_nats::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long JetStream may take to answer. A client waits for its login meanwhile.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// JetStream's word that it did not do what it was asked to.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, thiserror::Error)]
#[error("{description} ({err_code})")]
pub(crate) struct Refused {
    /// Which error it is, such as 10059 for "stream not found".
    #[serde(default)]
    pub(crate) err_code: u64,
    #[serde(default)]
    description: String,
}

/// Why a question brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// It was understood and refused.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// There was no answer, or none that can be read.
    #[error("JetStream does not answer: {0}")]
    Silent(String),
}

#[derive(Deserialize)]
struct Reply<T> {
    error: Option<Refused>,
    #[serde(flatten)]
    rest: Option<T>,
}

/// Asks JetStream: `call` is what comes after `$JS.API.`, and a `body` of null is none.
pub(crate) async fn ask<T: DeserializeOwned>(client: &Client, call: &str, body: &Value) -> Result<T, Trouble> {
    let silent = |why: &dyn std::fmt::Display| Trouble::Silent(why.to_string());
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let asked = client.request(format!("$JS.API.{call}"), body.into());
    let answer = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| silent(&"not in time"))?;
    let answer = answer.map_err(|error| silent(&error))?;
    let reply: Reply<T> = serde_json::from_slice(&answer.payload).map_err(|error| silent(&error))?;
    match reply {
        Reply { error: Some(refused), .. } => Err(refused.into()),
        Reply { rest: Some(rest), .. } => Ok(rest),
        Reply { .. } => Err(silent(&"its answer is another than expected")),
    }
}
