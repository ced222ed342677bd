//! What the pages need from the server that renders them.

use async_trait::async_trait;
use kez_core::{Handle, Record, ServerName, Timestamp};

/// The server, as the pages see it. They never see its database.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// The server's own names.
    fn site(&self) -> &Site;

    /// What is known of `handle`, as of now.
    ///
    /// # Errors
    /// [`Unavailable`] when the server cannot tell at the moment; asking again later may help.
    async fn profile(&self, handle: &Handle) -> Result<Profile, Unavailable>;

    /// The JSON API's operations, in the order in which people want to read them.
    fn operations(&self) -> &[Operation];
}

/// One of the API's operations.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// The path's template.
    pub path: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// What else there is to know.
    pub description: Option<String>,
    /// What the path, the query and the headers may carry.
    pub parameters: Vec<Parameter>,
    /// Status, and what it means; without what any request may be answered.
    pub answers: Vec<(String, String)>,
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: &'static str,
    /// What it means.
    pub description: String,
}

/// How a server calls itself.
#[derive(Clone, Debug)]
pub struct Site {
    /// The part of `handle@server` behind the `@`.
    pub server: ServerName,
    /// Where the pages are reached, without a slash at its end.
    pub public_url: String,
    /// Where browsers reach the message broker, if there is one.
    pub nats_ws_url: Option<String>,
    /// The origin of the server that keeps the chains, when it is another one.
    pub sigchains: Option<String>,
    /// The program's version.
    pub version: &'static str,
}

/// What a server knows of a handle.
#[derive(Clone, Debug)]
pub enum Profile {
    /// A key holds it.
    Live(Record),
    /// A key held it and gave it back.
    Released {
        /// The handle.
        handle: Handle,
        /// When, by the server's clock.
        released_at: Timestamp,
    },
    /// Nobody ever registered it here.
    Unknown,
}

/// The server cannot answer at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;
