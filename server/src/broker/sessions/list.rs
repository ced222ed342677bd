//! Listing the sessions that the broker has open, and ending them.

use std::time::Duration;

use async_nats::Client;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;

use crate::callout::Connection;

/// How long to wait for one more server of a cluster to answer.
const SILENCE: Duration = Duration::from_millis(400);
/// Connections in one page of an answer: each page waits out the silence after the last answer.
const PAGE: usize = 4096;
/// Sessions that are ended side by side.
const AT_ONCE: usize = 32;

/// A connection of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker) struct Session {
    /// Which one.
    pub(in crate::broker) connection: Connection,
    /// The name in its JWT. The broker does not tell the key.
    pub(in crate::broker) handle: String,
}

#[derive(Deserialize)]
struct Reply {
    server: Server,
    data: Option<Data>,
}

/// Which broker says it.
#[derive(Deserialize)]
pub(super) struct Server {
    pub(super) id: String,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    connections: Option<Vec<Listed>>,
    #[serde(default)]
    total: usize,
}

#[derive(Deserialize)]
struct Listed {
    cid: u64,
    #[serde(default)]
    authorized_user: String,
    #[serde(default)]
    in_msgs: u64,
}

/// All sessions of users, or those of one handle.
///
/// # Errors
/// One line, when the broker does not answer at all.
pub(in crate::broker) async fn list(sys: &Client, handle: Option<&str>) -> Result<Vec<Session>, String> {
    let mut sessions = Vec::new();
    let mut offset = 0;
    loop {
        let mut query = json!({ "auth": true, "acc": "USERS", "limit": PAGE, "offset": offset });
        if let Some(handle) = handle {
            query["user"] = handle.into();
        }
        let replies = ask_all(sys, "$SYS.REQ.SERVER.PING.CONNZ", &query).await?;
        let mut is_more = false;
        for reply in replies {
            let Some(data) = reply.data else { continue };
            is_more |= data.total > offset + PAGE;
            let found = data.connections.unwrap_or_default().into_iter().map(|listed| Session {
                connection: Connection { server: reply.server.id.clone(), cid: listed.cid },
                handle: listed.authorized_user,
            });
            sessions.extend(found);
        }
        if !is_more {
            return Ok(sessions);
        }
        offset += PAGE;
    }
}

/// The sessions that have sent the most messages, and how many each has: at most so many of each broker.
///
/// # Errors
/// One line, when the broker does not answer at all.
pub(in crate::broker) async fn busiest(sys: &Client, most: usize) -> Result<Vec<(Connection, u64)>, String> {
    let query = json!({ "acc": "USERS", "sort": "msgs_from", "limit": most });
    let replies = ask_all(sys, "$SYS.REQ.SERVER.PING.CONNZ", &query).await?;
    let listed = replies.into_iter().flat_map(|reply| {
        let connections = reply.data.and_then(|data| data.connections).unwrap_or_default();
        connections
            .into_iter()
            .map(move |listed| (Connection { server: reply.server.id.clone(), cid: listed.cid }, listed.in_msgs))
    });
    Ok(listed.collect())
}

/// Ends a session now. That it is gone already is fine.
///
/// # Errors
/// One line, when the broker does not answer.
pub(in crate::broker) async fn kick(sys: &Client, connection: &Connection) -> Result<(), String> {
    let subject = format!("$SYS.REQ.SERVER.{}.KICK", connection.server);
    let payload = json!({ "cid": connection.cid }).to_string();
    // A request: without a reply subject it would be ignored in silence.
    sys.request(subject, payload.into()).await.map(|_| ()).map_err(|error| error.to_string())
}

/// Ends these sessions now, side by side.
///
/// # Errors
/// One line, when the broker does not answer for one of them.
pub(in crate::broker) async fn kick_all(sys: &Client, connections: Vec<Connection>) -> Result<(), String> {
    let kicked = stream::iter(connections).map(|connection| async move { kick(sys, &connection).await });
    let kicked: Vec<Result<(), String>> = kicked.buffer_unordered(AT_ONCE).collect().await;
    kicked.into_iter().collect()
}

/// Asks every server of the cluster, and collects answers until they stop coming.
async fn ask_all(sys: &Client, subject: &'static str, query: &serde_json::Value) -> Result<Vec<Reply>, String> {
    let inbox = sys.new_inbox();
    let mut answers = sys.subscribe(inbox.clone()).await.map_err(|error| error.to_string())?;
    let asked = sys.publish_with_reply(subject, inbox, query.to_string().into()).await;
    asked.map_err(|error| error.to_string())?;
    let mut replies = Vec::new();
    let mut patience = Duration::from_secs(3);
    while let Ok(Some(message)) = tokio::time::timeout(patience, answers.next()).await {
        match serde_json::from_slice::<Reply>(&message.payload) {
            Ok(reply) => replies.push(reply),
            Err(error) => tracing::warn!(%error, "the broker's list of connections cannot be read"),
        }
        patience = SILENCE;
    }
    if replies.is_empty() { Err("the broker does not list its connections".to_owned()) } else { Ok(replies) }
}
