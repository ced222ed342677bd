//! A client that costs little: raw requests on connections that stay open, one at a time on each.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// One open connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Connection {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Connection { stream, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends a request and reads its answer; gives the status and the body.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> (u16, Vec<u8>) {
        self.stream.write_all(request).await.expect("it is sent");
        self.buffer.clear();
        loop {
            if let Some((status, end, length)) = head(&self.buffer)
                && self.buffer.len() >= end + length
            {
                return (status, self.buffer[end..end + length].to_vec());
            }
            assert!(self.stream.read_buf(&mut self.buffer).await.expect("an answer") > 0, "the server closed");
        }
    }
}

/// Status, where the body begins, and its length.
fn head(answer: &[u8]) -> Option<(u16, usize, usize)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..end]).expect("ASCII");
    let status = text.get(9..12)?.parse().expect("a status");
    let length = text.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
    Some((status, end, length.map_or(0, |length| length.parse().expect("a number"))))
}

/// Answers a second when `connections` ask for the same thing during `time`.
pub(crate) async fn same(address: &str, request: &'static [u8], connections: usize, time: Duration) -> f64 {
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let mut connection = Connection::open(address).await;
        clients.spawn(async move {
            let mut answers = 0_u32;
            while started.elapsed() < time {
                assert_eq!(connection.ask(request).await.0, 200);
                answers += 1;
            }
            answers
        });
    }
    let answers: u32 = clients.join_all().await.into_iter().sum();
    f64::from(answers) / started.elapsed().as_secs_f64()
}

/// Answers a second when `requests` are shared out over `connections` in turn, each of which must give `status`.
pub(crate) async fn each(address: &str, requests: Vec<Vec<u8>>, connections: usize, status: u16) -> f64 {
    let count = requests.len();
    let mut shares: Vec<Vec<Vec<u8>>> = vec![Vec::new(); connections];
    for (i, request) in requests.into_iter().enumerate() {
        shares[i % connections].push(request);
    }
    let mut clients = Vec::new();
    for share in shares {
        clients.push((Connection::open(address).await, share));
    }
    let started = Instant::now();
    let mut running = JoinSet::new();
    for (mut connection, share) in clients {
        running.spawn(async move {
            for request in share {
                assert_eq!(connection.ask(&request).await.0, status);
            }
        });
    }
    running.join_all().await;
    f64::from(u32::try_from(count).expect("a small count")) / started.elapsed().as_secs_f64()
}

/// The status of a `GET`.
pub(crate) async fn status(address: &str, path: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
    Connection::open(address).await.ask(request.as_bytes()).await.0
}
