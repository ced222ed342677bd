//! Clients as they are and as they should not be, on a real listener.

mod heads;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use kez_core::Problem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{ConnectionLimits, Front, serve};
use crate::head;

/// Long enough for everything that has to happen on a slow machine.
const FOR_EVER: Duration = Duration::from_secs(60);
const HELLO: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// Answers by path, and never says anything else.
struct Stub {
    is_proxy: bool,
    /// How often it still fails before it knows that.
    defects: AtomicU32,
    /// Lets go of whoever asked for `/wait`.
    go: Notify,
}

impl Front for Stub {
    async fn answer(&self, _: SocketAddr, request: Request<Body>) -> Response {
        let mut response = Response::default();
        response.headers_mut().insert("x-content-type-options", http::HeaderValue::from_static("nosniff"));
        if head::check(&request).is_err() {
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return response;
        }
        match request.uri().path() {
            "/wait" => self.go.notified().await,
            "/body" => match request.into_body().collect().await {
                Ok(body) => *response.body_mut() = body.to_bytes().len().to_string().into(),
                Err(error) => {
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                    *response.body_mut() = error.to_string().into();
                }
            },
            "/endless" => {
                let chunks = futures_util::stream::repeat_with(|| {
                    Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![b'x'; 16 * 1024])))
                });
                *response.body_mut() = Body::new(StreamBody::new(chunks));
            }
            _ => *response.body_mut() = "hello".into(),
        }
        response
    }

    fn refusal(&self, problem: Problem, retry_after: Option<Duration>) -> Vec<u8> {
        let retry = retry_after.map_or(0, |wait| wait.as_secs());
        format!("HTTP/1.1 000 {} retry {retry}\r\n\r\n", problem.code).into_bytes()
    }

    fn is_proxy(&self, _: IpAddr) -> bool {
        let fails = self.defects.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        assert!(!fails, "a defect");
        self.is_proxy
    }
}

struct Running {
    address: SocketAddr,
    front: Arc<Stub>,
    stop: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

async fn start(limits: ConnectionLimits, is_proxy: bool) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let front = Arc::new(Stub { is_proxy, defects: AtomicU32::new(0), go: Notify::new() });
    let stop = Arc::new(Notify::new());
    let (served, stopped) = (front.clone(), stop.clone());
    let task = tokio::spawn(async move { serve(listener, served, limits, stopped.notified()).await });
    Running { address, front, stop, task }
}

fn patient() -> ConnectionLimits {
    ConnectionLimits { patience: 10 * FOR_EVER, ..ConnectionLimits::default() }
}

fn impatient() -> ConnectionLimits {
    ConnectionLimits { patience: Duration::from_millis(1_200), ..ConnectionLimits::default() }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.expect("it is sent");
        stream
    }

    /// A connection whose request was answered.
    async fn quiet(&self) -> TcpStream {
        let mut stream = self.send(HELLO).await;
        hear(&mut stream, "hello").await;
        stream
    }

    /// Sends this and gives what comes until the end of the connection.
    async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.send(bytes).await;
        rest(&mut stream).await
    }
}

/// Reads until the connection has said this.
async fn hear(stream: &mut TcpStream, what: &str) {
    let mut heard = Vec::new();
    let hearing = async {
        while !String::from_utf8_lossy(&heard).contains(what) {
            assert!(stream.read_buf(&mut heard).await.expect("an answer") > 0, "{}", String::from_utf8_lossy(&heard));
        }
    };
    timeout(FOR_EVER, hearing).await.expect("an answer in time");
}

/// What comes until the connection ends, in whichever way.
async fn rest(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    // A reset is an end, too.
    let _ = timeout(FOR_EVER, stream.read_to_end(&mut heard)).await.expect("it ends in time");
    String::from_utf8_lossy(&heard).into_owned()
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let server = start(ConnectionLimits { each: 3, ..patient() }, false).await;
    let mut held = vec![server.quiet().await, server.connect().await, server.send(b"GET").await];
    // The place of an earlier connection is only free once its end was noticed; here all three are open.
    assert_eq!(server.say(HELLO).await, "HTTP/1.1 000 rate_limited retry 5\r\n\r\n");
    assert_eq!(server.say(b"").await, "HTTP/1.1 000 rate_limited retry 5\r\n\r\n");
    held.pop();
    let mut answer = String::new();
    while !answer.ends_with("hello") {
        answer = server.say(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    }
}

#[tokio::test]
async fn a_flood_of_connections_without_a_place_is_cut_and_one_that_comes_later_is_told_why() {
    let server = start(ConnectionLimits { each: 1, ..patient() }, false).await;
    let _held = server.quiet().await;
    let told = "HTTP/1.1 000 rate_limited retry 5\r\n\r\n";
    assert_eq!(server.say(b"").await, told);
    // A reset may come before the client has noticed that it is connected.
    let come = async || match TcpStream::connect(server.address).await {
        Ok(mut stream) => rest(&mut stream).await,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            String::new()
        }
    };
    let flood = async { while !come().await.is_empty() {} };
    timeout(FOR_EVER, flood).await.expect("there are too many to answer");
    let later = async {
        while come().await != told {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(FOR_EVER, later).await.expect("the flood is over");
}

#[tokio::test]
async fn proxies_have_as_many_as_there_are() {
    let server = start(ConnectionLimits { each: 3, all: 8, ..patient() }, true).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(server.quiet().await);
    }
    assert_eq!(server.say(HELLO).await, "HTTP/1.1 000 unavailable retry 5\r\n\r\n");
}

#[tokio::test]
async fn whoever_says_nothing_or_half_of_it_is_cut() {
    let server = start(impatient(), false).await;
    assert_eq!(server.say(b"").await, "");
    assert_eq!(server.say(b"GET / HTTP/1.1\r\nhost").await, "");
    let mut quiet = server.quiet().await;
    assert_eq!(rest(&mut quiet).await, "", "between two requests");
    let mut quiet = server.quiet().await;
    quiet.write_all(b"GET / HTTP/1.1\r\n").await.expect("it is sent");
    assert_eq!(rest(&mut quiet).await, "", "in the middle of the second");
}

#[tokio::test]
async fn quiet_connections_go_when_places_do() {
    let server = start(ConnectionLimits { each: 4, patience: 10 * FOR_EVER / 100, ..patient() }, false).await;
    // Six seconds of patience, and a fifteenth of it for the third of four.
    let mut busy = server.send(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (mut quiet, mut silent) = (server.quiet().await, server.connect().await);
    assert_eq!((rest(&mut quiet).await, rest(&mut silent).await), (String::new(), String::new()));
    server.front.go.notify_one();
    hear(&mut busy, "HTTP/1.1 200 OK").await;
}

#[tokio::test]
async fn whoever_is_being_answered_is_not_cut() {
    let server = start(impatient(), false).await;
    let mut waiting = server.send(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut quiet = server.quiet().await;
    assert_eq!(rest(&mut quiet).await, "");
    server.front.go.notify_one();
    hear(&mut waiting, "HTTP/1.1 200 OK").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_costs_one_connection_and_no_other() {
    let server = start(patient(), false).await;
    server.front.defects.store(5, Ordering::Relaxed);
    for _ in 0..5 {
        assert_eq!(rest(&mut server.connect().await).await, "");
    }
    server.quiet().await;
}

#[tokio::test]
async fn a_body_comes_at_some_speed_or_not_at_all() {
    let server = start(impatient(), false).await;
    let head = b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n";
    let mut slow = server.send(head).await;
    let dripping = async {
        while slow.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut answer = [0; 1_000];
            if let Ok(length @ 1..) = slow.try_read(&mut answer) {
                return String::from_utf8_lossy(&answer[..length]).into_owned();
            }
        }
        String::new()
    };
    let answer = timeout(FOR_EVER, dripping).await.expect("it is refused");
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("too slowly"), "{answer}");
    rest(&mut slow).await;

    // A kilobyte a second is twelve windows' worth here.
    let mut steady = server.send(head).await;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        steady.write_all(&[b'x'; 100]).await.expect("it is taken");
    }
    hear(&mut steady, "\r\n\r\n5000").await;
}

#[tokio::test]
async fn whoever_does_not_read_is_cut() {
    let server = start(impatient(), false).await;
    let mut deaf = server.send(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut reading = server.send(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut buffer = vec![0; 64 * 1024];
    // As much as the sockets hold is there in any case; then comes the end, in whichever way.
    let mut held = 0;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(reading.read(&mut buffer).await.expect("it goes on") > 0);
    }
    let end = async {
        while let Ok(read @ 1..) = deaf.read(&mut buffer).await {
            held += read;
        }
    };
    timeout(FOR_EVER, end).await.expect("it was cut");
    assert!(held < 16 * 1024 * 1024, "{held}");
}

#[tokio::test]
async fn whoever_sends_all_of_a_body_before_listening_hears_the_answer() {
    let server = start(patient(), false).await;
    let head = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", 20 * 1024 * 1024);
    let mut stream = server.send(head.as_bytes()).await;
    stream.write_all(&vec![b'x'; 20 * 1024 * 1024]).await.expect("all of it is sent");
    hear(&mut stream, "hello").await;
}

#[tokio::test]
async fn the_end_waits_for_answers_and_for_nothing_else() {
    let server = start(patient(), false).await;
    let (mut silent, mut quiet) = (server.connect().await, server.quiet().await);
    let mut busy = server.send(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await;
    server.quiet().await;
    server.stop.notify_one();
    assert_eq!((rest(&mut silent).await, rest(&mut quiet).await), (String::new(), String::new()));
    server.front.go.notify_one();
    hear(&mut busy, "HTTP/1.1 200 OK").await;
    timeout(FOR_EVER, server.task).await.expect("it ends").expect("it ends well");
}
