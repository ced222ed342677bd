//! Reading a small document over HTTPS, from a host that a stranger chose.
//!
//! A name is resolved once a request, each of its addresses is looked at, and the connection goes to one of those: what
//! the name means a moment later does not matter. Each redirect is judged like the first address.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, HOST, LOCATION, USER_AGENT};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kez_core::claim::Host;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Url;

use super::outside::Outside;
use super::trouble::Trouble;

/// Largest document that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// Room for the head of an answer, in bytes.
const MAX_HEAD: usize = 32 * 1024;
const MAX_REDIRECTS: usize = 3;
/// Addresses of one host that are tried.
const MAX_ADDRESSES: usize = 3;
const AGENT: &str = concat!("kez-chat/", env!("CARGO_PKG_VERSION"));

/// What an answer comes to.
enum Answer {
    Document(Bytes),
    Redirect(String),
}

impl Outside {
    /// The document at `url`, after at most three redirects. `goes` says which addresses are the right ones.
    pub(super) async fn fetch(&self, url: &str, goes: impl Fn(&Url) -> bool) -> Result<Bytes, Trouble> {
        let mut url = Url::parse(url).map_err(|_| Trouble::BadRedirect)?;
        for _ in 0..=MAX_REDIRECTS {
            let host = host(&url).filter(|_| goes(&url)).ok_or(Trouble::BadRedirect)?;
            match self.get(host, &url).await? {
                Answer::Document(document) => return Ok(document),
                Answer::Redirect(to) => url = url.join(&to).map_err(|_| Trouble::BadRedirect)?,
            }
        }
        Err(Trouble::TooManyRedirects)
    }

    /// One request and its answer, on a connection of its own.
    async fn get(&self, host: &str, url: &Url) -> Result<Answer, Trouble> {
        let stream = self.connect(host, url.port().unwrap_or(self.https_port)).await?;
        let no_answer = |_| Trouble::NoAnswer;
        let connection = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connection.map_err(no_answer)?;
        // Ends with this function.
        let mut running = JoinSet::new();
        running.spawn(connection);
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let request = Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(HOST, authority)
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "application/json, text/plain;q=0.9, */*;q=0.1")
            .body(Empty::<Bytes>::new());
        let request = request.map_err(|_| Trouble::BadRedirect)?;
        read(sender.send_request(request).await.map_err(no_answer)?).await
    }

    /// A connection to a permitted address of the host, with TLS for its name.
    async fn connect(&self, host: &str, port: u16) -> Result<TlsStream<TcpStream>, Trouble> {
        let addresses = self.dns.addresses(host).await?;
        // One that leads inside spoils all of them: no public host has such an address by right.
        if addresses.is_empty() || !addresses.iter().all(|address| (self.permits)(*address)) {
            return Err(Trouble::NoPublicAddress);
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Trouble::BadRedirect)?;
        let stream = self.dial(&addresses, port).await.ok_or(Trouble::NotConnected)?;
        TlsConnector::from(self.tls.clone()).connect(name, stream).await.map_err(|_| Trouble::NotSecure)
    }

    async fn dial(&self, addresses: &[IpAddr], port: u16) -> Option<TcpStream> {
        // An address that does not answer leaves time for the next.
        let patience = self.patience / 4;
        for address in addresses.iter().take(MAX_ADDRESSES) {
            let dialled = tokio::time::timeout(patience, TcpStream::connect(SocketAddr::new(*address, port))).await;
            if let Ok(Ok(stream)) = dialled {
                return Some(stream);
            }
        }
        None
    }
}

/// The host of an HTTPS address that may be asked: a name, without credentials before it.
fn host(url: &Url) -> Option<&str> {
    let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    let host = url.host_str()?;
    let is_name = host.parse::<Host>().is_ok() && url.port() != Some(0);
    (is_plain && is_name).then_some(host)
}

async fn read(response: Response<Incoming>) -> Result<Answer, Trouble> {
    let headers = response.headers();
    match response.status().as_u16() {
        200 => {}
        301 | 302 | 303 | 307 | 308 => {
            let location = headers.get(LOCATION).and_then(|to| to.to_str().ok());
            return location.map(|to| Answer::Redirect(to.to_owned())).ok_or(Trouble::BadRedirect);
        }
        404 | 410 => return Err(Trouble::Nothing),
        429 | 500.. => return Err(Trouble::Fault),
        _ => return Err(Trouble::NotShown),
    }
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Trouble::Encoded);
    }
    let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => Trouble::TooLarge,
        None => Trouble::NoAnswer,
    })?;
    Ok(Answer::Document(body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_over_https_are_asked() {
        for good in ["https://example.org/x", "https://example.org:8443/?a=b#c", "HTTPS://EXAMPLE.org"] {
            assert_eq!(host(&Url::parse(good).expect("a URL")), Some("example.org"), "{good}");
        }
        for bad in [
            "http://example.org/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "https://user@example.org/",
            "https://user:word@example.org/",
            "https://:word@example.org/",
            "https://example.org:0/",
            "https://localhost/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://example.org./",
            "https://１２７.0.0.1/",
        ] {
            assert_eq!(host(&Url::parse(bad).expect("a URL")), None, "{bad}");
        }
    }
}
