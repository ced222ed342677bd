//! The listener: connections in, the front's answers out, and an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Explained;
use crate::unread::Unread;

/// Most connections at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: u64 = 8_192;
/// Open files that are kept for the database, the log and the site's files.
const OTHER_FILES: u64 = 64;
/// How long a client may take to send a request's head, and may stay silent between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests in flight may take to finish once the server was told to stop.
const GRACE: Duration = Duration::from_secs(8);

/// What stands behind the listener.
pub trait Front: Send + Sync + 'static {
    /// Answers one request of the connection from `peer`.
    fn answer(&self, peer: SocketAddr, request: Request<Body>) -> impl Future<Output = Response> + Send;

    /// The whole answer to what is no HTTP.
    fn refusal(&self) -> Arc<[u8]>;
}

/// Serves until `shutdown` completes, then finishes what is in flight.
pub async fn serve<F: Front>(listener: TcpListener, front: Arc<F>, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(places()));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            // The semaphore is never closed, so a place always comes.
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut shutdown => break,
            (place, accepted) = accepted => match accepted {
                Ok((stream, peer)) => {
                    tokio::spawn(connection(stream, peer, front.clone(), graceful.watcher(), place));
                }
                Err(error) => {
                    // Most likely out of file descriptors: some connections must end before the next can begin.
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

/// As many connections as the process may have open files. The limit that a shell starts programs with is far below
/// what the system allows them to ask for.
fn places() -> usize {
    let files = rlimit::increase_nofile_limit(MAX_CONNECTIONS + OTHER_FILES).unwrap_or(1024);
    let places = files.saturating_sub(OTHER_FILES).clamp(16, MAX_CONNECTIONS);
    usize::try_from(places).unwrap_or(usize::MAX)
}

async fn connection<F: Front>(
    stream: TcpStream,
    peer: SocketAddr,
    front: Arc<F>,
    watcher: Watcher,
    place: Option<OwnedSemaphorePermit>,
) {
    // Answers are written whole, so there is nothing to wait for; failing to say so only costs time.
    let _ = stream.set_nodelay(true);
    let refusal = front.refusal();
    let service = service_fn(move |request: Request<Incoming>| {
        let front = front.clone();
        async move { Ok::<_, Infallible>(front.answer(peer, request.map(|body| Body::new(Unread::new(body)))).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(Explained::new(TokioIo::new(stream), refusal), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
    drop(place);
}
