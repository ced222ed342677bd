//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use tokio::net::TcpStream;

use super::Front;
use super::answered::Answered;
use super::places::Place;
use super::refusals::Refusals;
use super::unread::Unread;
use super::wire::Wire;
use crate::head::MAX_HEAD;

/// Serves the connection that has `place`, until one of both sides ends it or it is cut.
pub(super) async fn serve<F: Front>(
    stream: TcpStream,
    from: SocketAddr,
    front: Arc<F>,
    refusals: Arc<Refusals>,
    watcher: Watcher,
    place: Place,
) {
    let (peer, window) = (place.peer.clone(), place.body_window());
    // Answers are written whole, so there is nothing to wait for; failing to say so only costs time.
    let _ = stream.set_nodelay(true);
    // Whoever says nothing costs nothing but this: the library's buffers come with the first byte.
    let mut first_byte = [0];
    tokio::select! {
        first = stream.peek(&mut first_byte) => if !matches!(first, Ok(1..)) { return },
        () = peer.cut.notified() => return,
    }
    let wire = Wire::new(TokioIo::new(stream), peer.clone(), refusals);
    let service = service_fn(move |request: Request<Incoming>| {
        let (front, peer) = (front.clone(), place.peer.clone());
        peer.asked();
        async move {
            let response = front.answer(from, request.map(|body| Body::new(Unread::new(body, window)))).await;
            Ok::<_, Infallible>(response.map(|body| Answered::new(body, peer)))
        }
    });
    let connection = http1::Builder::new()
        // It is watched over from outside, where it is known how many there are.
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD)
        .max_buf_size(MAX_HEAD)
        .serve_connection(wire, service);
    tokio::select! {
        ended = watcher.watch(connection) => if let Err(error) = ended {
            tracing::debug!(%error, %from, "a connection ended early");
        },
        () = peer.cut.notified() => tracing::debug!(%from, "a connection kept the server waiting and was cut"),
    }
}
