//! The listener: connections in, the front's answers out, and an orderly end.

mod answered;
mod connection;
mod limits;
mod peer;
mod places;
mod refusals;
mod unread;
mod wire;

use std::future::Future;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper_util::server::graceful::GracefulShutdown;
use kez_core::Problem;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::MissedTickBehavior;

pub use self::limits::ConnectionLimits;
use self::places::{NoPlace, Overdue, Places};
use self::refusals::Refusals;

/// How long requests in flight may take to finish once the server was told to stop.
const GRACE: Duration = Duration::from_secs(8);
/// Bytes of an answer that the system keeps for a connection until they are taken. Left to itself it would keep megabytes
/// for each who does not read; with this, one who reads gets a megabyte a second at a distance of a hundred milliseconds.
const SEND_BUFFER: usize = 128 * 1024;
/// Connections that are cut at a time, and how often: thousands that end at once would hold up everybody else.
const CUTS: usize = 32;
const CUTTING: Duration = Duration::from_millis(2);

/// What stands behind the listener.
pub trait Front: Send + Sync + 'static {
    /// Answers one request of the connection from `peer`.
    fn answer(&self, peer: SocketAddr, request: Request<Body>) -> impl Future<Output = Response> + Send;

    /// The whole answer to what is refused before there is a request, after which the connection ends.
    fn refusal(&self, problem: Problem, retry_after: Option<Duration>) -> Vec<u8>;

    /// Whether connections from this address bring the requests of many.
    fn is_proxy(&self, address: IpAddr) -> bool;
}

/// Serves until `shutdown` completes, then finishes what is in flight.
pub async fn serve<F: Front>(
    listener: TcpListener,
    front: Arc<F>,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    if let Err(error) = SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER) {
        tracing::warn!(%error, "the system keeps as much of unread answers as it likes");
    }
    let (graceful, refusals) = (GracefulShutdown::new(), Arc::new(Refusals::of(&*front)));
    let places = Places::new(limits);
    let mut rounds = tokio::time::interval(places.rounds());
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut cutting = tokio::time::interval(CUTTING);
    cutting.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut overdue = Vec::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = rounds.tick() => {
                if overdue.is_empty() {
                    overdue = places.overdue();
                }
                places.tell(Instant::now());
            }
            _ = cutting.tick(), if !overdue.is_empty() => {
                let some = overdue.len().saturating_sub(CUTS);
                overdue.drain(some..).for_each(|one| one.cut());
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match places.take(peer.ip(), front.is_proxy(peer.ip()), Instant::now()) {
                    Ok(place) => {
                        let served = connection::serve(stream, peer, front.clone(), refusals.clone(), graceful.watcher(), place);
                        tokio::spawn(served);
                    }
                    Err(NoPlace::Enough) => refuse(&stream, &refusals.too_many),
                    Err(NoPlace::Full) => refuse(&stream, &refusals.full),
                    Err(NoPlace::Flood) => reset(&stream),
                },
                Err(error) => {
                    // Most likely out of file descriptors: some connections must end before the next can begin.
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    places.cut_new();
    let cutting = async {
        loop {
            rounds.tick().await;
            places.overdue().iter().for_each(Overdue::cut);
        }
    };
    tokio::select! {
        ended = tokio::time::timeout(GRACE, graceful.shutdown()) => if ended.is_err() {
            tracing::warn!("some requests did not finish in time and were cut off");
        },
        () = cutting => {}
    }
}

/// Answers a connection that there is no place for, as far as that takes no time.
fn refuse(stream: &TcpStream, refusal: &[u8]) {
    let socket = SockRef::from(stream);
    // A socket that is closed on bytes which nobody read resets the connection, and the answer may be lost.
    let _ = socket.recv(&mut [const { MaybeUninit::uninit() }; 1024]);
    let _ = socket.send(refusal);
}

/// Ends a connection with no more than that.
fn reset(stream: &TcpStream) {
    // Nothing is left to send, so nothing has to be remembered of it.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

#[cfg(test)]
mod tests;
