//! `kez-chat-server healthcheck`: one request to the server on this machine, for images without any other program.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Connecting and each read and write, so that a check never outlives the one after it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks `GET /v1/healthz` of the server that listens on `bind`.
///
/// # Errors
/// With one sentence, when there is no answer or another one than 200.
pub fn run(bind: SocketAddr) -> Result<(), String> {
    let address = reachable(bind);
    let answer = ask(address).map_err(|error| format!("{address} does not answer: {error}"))?;
    let status = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    if status.starts_with(b"HTTP/1.1 200") {
        return Ok(());
    }
    Err(format!("{address} answers `{}`", String::from_utf8_lossy(status).escape_debug()))
}

fn ask(address: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /v1/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 32];
    let read = stream.read(&mut head)?;
    Ok(head[..read].to_vec())
}

/// A server that listens everywhere is reached on loopback.
pub(crate) fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everywhere_is_reached_on_loopback() {
        for (bind, address) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("192.0.2.1:1", "192.0.2.1:1")] {
            assert_eq!(reachable(bind.parse().expect("an address")), address.parse().expect("an address"));
        }
    }
}
