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
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper_util::server::graceful::GracefulShutdown;
use kez_core::Problem;
use socket2::{SockRef, Socket};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
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
/// How long to wait for a connection before looking whether there are to be any more.
const LISTENED: Duration = Duration::from_millis(500);
/// How long to wait where none can be taken: most likely out of file descriptors, and some must end before the next begins.
const NO_ROOM: Duration = Duration::from_millis(100);

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
    let listener = match blocking(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the listener cannot be used"),
    };
    let (graceful, places, refusals) = (GracefulShutdown::new(), Places::new(limits), Refusals::of(&*front).into());
    let (runtime, is_closed) = (Handle::current(), AtomicBool::new(false));
    let gate = Arc::new(Gate { listener, front, places: places.clone(), refusals, graceful, runtime, is_closed });
    let open = Closing(gate.clone());
    let meet = |gate: &Arc<Gate<F>>| {
        let gate = gate.clone();
        tokio::task::spawn_blocking(move || gate.meet())
    };
    let mut meeting = meet(&gate);
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
            Err(error) = &mut meeting => {
                tracing::error!(%error, "whoever meets connections failed");
                meeting = meet(&gate);
            }
            _ = cutting.tick(), if !overdue.is_empty() => {
                let some = overdue.len().saturating_sub(CUTS);
                overdue.drain(some..).for_each(|one| one.cut());
            }
        }
    }
    drop(open);
    let _ = meeting.await;
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

/// The listener for a thread that waits for nothing else.
fn blocking(listener: TcpListener) -> io::Result<std::net::TcpListener> {
    let listener = listener.into_std()?;
    listener.set_nonblocking(false)?;
    SockRef::from(&listener).set_read_timeout(Some(LISTENED))?;
    Ok(listener)
}

/// Who comes in.
struct Gate<F> {
    listener: std::net::TcpListener,
    front: Arc<F>,
    places: Arc<Places>,
    refusals: Arc<Refusals>,
    graceful: GracefulShutdown,
    /// Where connections are served.
    runtime: Handle,
    is_closed: AtomicBool,
}

/// Closes the gate when it is dropped.
struct Closing<F>(Arc<Gate<F>>);

impl<F> Drop for Closing<F> {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        // Whoever waits for a connection hears of it, on Linux at once and elsewhere within [`LISTENED`].
        let _ = SockRef::from(&self.0.listener).shutdown(Shutdown::Both);
    }
}

/// Whether the next connection may be accepted all the same.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), ConnectionAborted | Interrupted | TimedOut | WouldBlock)
}

impl<F: Front> Gate<F> {
    /// Lets connections in until the gate is closed.
    ///
    /// That has a thread of its own. Where the runtime's threads do it, each connection of a flood wakes one of them, and
    /// often a second that looks for work: 7,500 refusals a second took 30 % of a processor that way, and take 15 to 21.
    fn meet(&self) {
        let listener = SockRef::from(&self.listener);
        while !self.is_closed.load(Ordering::Acquire) {
            match listener.accept() {
                Ok((socket, address)) => self.let_in(socket, address.as_socket()),
                Err(error) if is_passing(&error) => {}
                Err(_) if self.is_closed.load(Ordering::Acquire) => {}
                Err(error) => {
                    tracing::error!(%error, "a connection could not be accepted");
                    thread::sleep(NO_ROOM);
                }
            }
        }
    }

    fn let_in(&self, socket: Socket, peer: Option<SocketAddr>) {
        if let Some(peer) = peer
            && let Some(place) = self.place(&socket, peer)
        {
            self.serve(socket, peer, place);
        }
    }

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

    fn serve(&self, socket: Socket, peer: SocketAddr, place: Place) {
        let (front, refusals, watcher) = (self.front.clone(), self.refusals.clone(), self.graceful.watcher());
        let stream = socket.set_nonblocking(true).map(|()| socket.into());
        self.runtime.spawn(async move {
            match stream.and_then(TcpStream::from_std) {
                Ok(stream) => connection::serve(stream, peer, front, refusals, watcher, place).await,
                Err(error) => tracing::error!(%error, "a connection could not be served"),
            }
        });
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
