//! The listener: connections in, the front's answers out, and an orderly end.

mod answered;
mod connection;
mod limits;
mod peer;
mod per_second;
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
use socket2::{SockRef, Socket};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

pub use self::limits::ConnectionLimits;
use self::places::{NoPlace, Overdue, Place, Places};
use self::refusals::Refusals;

/// How long requests in flight may take to finish once the server was told to stop.
const GRACE: Duration = Duration::from_secs(8);
/// Bytes of an answer that the system keeps for a connection until they are taken. Left to itself it would keep megabytes
/// for each who does not read; with this, one who reads gets a megabyte a second at a distance of a hundred milliseconds.
const SEND_BUFFER: usize = 128 * 1024;
/// Connections that are cut at a time, and how often: thousands that end at once would hold up everybody else.
const CUTS: usize = 8;
const CUTTING: Duration = Duration::from_millis(2);
/// Tasks that meet connections, so that a flood of them does not stand behind the work on one. 7,500 refusals a second cost
/// 30 % of a processor with two and 20 % with one; a lookup among them takes 1.8 to 2.3 times the idle time, or 2.3 to 2.7.
const MEETING: usize = 2;
/// Connections that are taken one after the other before anything else is looked at.
const AT_ONCE: usize = 16;

/// What stands behind the listener.
pub trait Front: Send + Sync + 'static {
    /// Answers one request of the connection from `peer`.
    fn answer(&self, peer: SocketAddr, request: Request<Body>) -> impl Future<Output = Response> + Send;

    /// The whole answer to what is refused before there is a request, after which the connection ends.
    fn refusal(&self, problem: Problem, retry_after: Option<Duration>) -> Vec<u8>;

    /// Whether connections from this address bring the requests of many.
    fn is_proxy(&self, address: IpAddr) -> bool;
}

/// Listens on an address.
///
/// # Errors
/// One line that says why that cannot be.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// Serves until `shutdown` completes, then finishes what is in flight.
pub async fn serve<F: Front>(
    listener: TcpListener,
    front: Arc<F>,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopped) = oneshot::channel();
    // Whoever calls may be on the program's first thread, which is not one of the runtime's: each connection would have to
    // wake it.
    let serving = tokio::spawn(accept(listener, front, limits, stopped));
    shutdown.await;
    drop(stop);
    if let Err(error) = serving.await {
        tracing::error!(%error, "connections are no longer accepted");
    }
}

/// Serves until the other end of `stopped` is dropped.
async fn accept<F: Front>(
    listener: TcpListener,
    front: Arc<F>,
    limits: ConnectionLimits,
    mut stopped: oneshot::Receiver<()>,
) {
    if let Err(error) = SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER) {
        tracing::warn!(%error, "the system keeps as much of unread answers as it likes");
    }
    let (graceful, places, refusals) = (GracefulShutdown::new(), Places::new(limits), Refusals::of(&*front).into());
    let gate = Arc::new(Gate { listener, front, places: places.clone(), refusals, graceful });
    let mut meeting = JoinSet::new();
    for _ in 0..MEETING {
        meeting.spawn(meet(gate.clone()));
    }
    let mut rounds = tokio::time::interval(places.rounds());
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut cutting = tokio::time::interval(CUTTING);
    cutting.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut overdue = Vec::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = rounds.tick() => {
                if overdue.is_empty() {
                    overdue = places.overdue();
                }
                places.tell(Instant::now());
            }
            Some(Err(error)) = meeting.join_next() => {
                tracing::error!(%error, "whoever meets connections failed");
                meeting.spawn(meet(gate.clone()));
            }
            _ = cutting.tick(), if !overdue.is_empty() => {
                let some = overdue.len().saturating_sub(CUTS);
                overdue.drain(some..).for_each(|one| one.cut());
            }
        }
    }
    meeting.shutdown().await;
    // Here the listener is closed.
    let Gate { graceful, .. } = Arc::into_inner(gate).expect("those who had it have ended");
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

/// Lets connections in for ever.
async fn meet<F: Front>(gate: Arc<Gate<F>>) {
    loop {
        match gate.listener.accept().await {
            Ok((stream, peer)) => {
                let place = gate.place(&SockRef::from(&stream), peer);
                let has_place = place.is_some();
                if let Some(place) = place {
                    gate.serve(stream, peer, place);
                }
                if has_place || gate.take_more() {
                    // Whoever got in is looked at before the next.
                    tokio::task::yield_now().await;
                }
            }
            Err(error) => {
                // Most likely out of file descriptors: some connections must end before the next can begin.
                tracing::error!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Who comes in.
struct Gate<F> {
    listener: TcpListener,
    front: Arc<F>,
    places: Arc<Places>,
    refusals: Arc<Refusals>,
    graceful: GracefulShutdown,
}

impl<F: Front> Gate<F> {
    /// A place for a connection. Where there is none, it is answered as far as that takes no time.
    fn place(&self, socket: &Socket, peer: SocketAddr) -> Option<Place> {
        match self.places.take(peer.ip(), self.front.is_proxy(peer.ip()), Instant::now()) {
            Ok(place) => return Some(place),
            Err(NoPlace::Enough) => refuse(socket, &self.refusals.too_many),
            Err(NoPlace::Full) => refuse(socket, &self.refusals.full),
            // Nothing is left to send, so nothing has to be remembered of it.
            Err(NoPlace::Flood) => drop(socket.set_linger(Some(Duration::ZERO))),
        }
        None
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let (front, refusals, watcher) = (self.front.clone(), self.refusals.clone(), self.graceful.watcher());
        tokio::spawn(connection::serve(stream, peer, front, refusals, watcher, place));
    }

    /// Takes some of those who wait behind the one that the runtime told of, up to the first that gets a place; says whether
    /// one did. The runtime registers each that it takes itself, which in a flood costs more than refusing them does: 7,500
    /// a second took 40 % of a processor that way, and from the program's first thread.
    fn take_more(&self) -> bool {
        let listener = SockRef::from(&self.listener);
        for _ in 0..AT_ONCE {
            // Nobody waits, or the runtime will meet the same trouble.
            let Ok((socket, address)) = listener.accept() else { return false };
            let Some(peer) = address.as_socket() else { continue };
            if let Some(place) = self.place(&socket, peer)
                && socket.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(socket.into())
            {
                self.serve(stream, peer, place);
                return true;
            }
        }
        false
    }
}

/// Answers a connection that there is no place for.
fn refuse(socket: &Socket, refusal: &[u8]) {
    // A socket that is closed on bytes which nobody read resets the connection, and the answer may be lost.
    if socket.set_nonblocking(true).is_ok() {
        let _ = socket.recv(&mut [const { MaybeUninit::uninit() }; 1024]);
        let _ = socket.send(refusal);
    }
}

#[cfg(test)]
mod tests;
