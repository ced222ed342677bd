//! An internet of the test's own: names, and hosts that speak TLS on loopback. Public in it is 127.0.0.1 alone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kez_chat_server::claims::dns::{Dns, Unresolved};
use kez_chat_server::claims::{Outside, State, Verdict, tls};
use kez_core::KeyId;
use kez_core::claim::Evidence;
use kez_core::sigchain::Claim;
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::harness::key;

/// The names that the hosts' certificate is for.
const CERTIFIED: [&str; 4] = ["example.org", "other.example", "gist.github.com", "gist.githubusercontent.com"];

/// What a host does with a request.
pub(crate) enum Reply {
    /// Sends these bytes, and closes.
    Raw(Vec<u8>),
    /// Sends these bytes, then these one by one with this pause between them.
    Drip(&'static [u8], &'static [u8], Duration),
}

/// A host under every name, on one port of loopback; answers by host and path.
pub(crate) struct Internet {
    pub(crate) names: Arc<Names>,
    pub(crate) port: u16,
    /// The heads of the requests that came.
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
    roots: RootCertStore,
}

/// What names mean. The last meaning of a name is given again and again.
#[derive(Default)]
pub(crate) struct Names {
    addresses: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    texts: Mutex<HashMap<String, Vec<Vec<u8>>>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Names {
    /// What the name means, time after time.
    pub(crate) fn mean(&self, name: &str, times: &[&[&str]]) {
        let parse = |addresses: &&[&str]| addresses.iter().map(|a| a.parse().expect("an address")).collect();
        self.addresses.lock().expect("no panic").insert(name.to_owned(), times.iter().rev().map(parse).collect());
    }

    pub(crate) fn publish(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        self.texts.lock().expect("no panic").insert(name.to_owned(), texts);
    }
}

#[async_trait]
impl Dns for Names {
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
        self.asked.lock().expect("no panic").push(host.to_owned());
        let mut known = self.addresses.lock().expect("no panic");
        let times = known.get_mut(host).ok_or(Unresolved)?;
        Ok(if times.len() > 1 { times.pop() } else { times.last().cloned() }.unwrap_or_default())
    }

    async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Unresolved> {
        self.asked.lock().expect("no panic").push(name.to_owned());
        Ok(self.texts.lock().expect("no panic").get(name).cloned().unwrap_or_default())
    }
}

impl Internet {
    /// With a host that answers as `answer` says, by the request's host and path.
    pub(crate) async fn start(answer: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> Internet {
        let made = rcgen::generate_simple_self_signed(CERTIFIED.map(str::to_owned)).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a root");
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("TLS").with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], secret);
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("a key")));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (heads, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let seen = heads.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen, answer) = (acceptor.clone(), seen.clone(), answer.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &seen, &*answer).await;
                    }
                });
            }
        });
        let names = Arc::new(Names::default());
        for name in CERTIFIED {
            names.mean(name, &[&["127.0.0.1"]]);
        }
        Internet { names, port, heads, roots }
    }

    /// The way out into it.
    pub(crate) fn outside(&self) -> Outside {
        Outside {
            dns: self.names.clone(),
            permits: |address| address == IpAddr::from([127, 0, 0, 1]),
            tls: tls(self.roots.clone()).expect("TLS"),
            https_port: self.port,
            patience: Duration::from_secs(10),
        }
    }

    /// What checking a claim by the key of seed 1 finds.
    pub(crate) async fn check(&self, kind: &str, subject: &str, proof: &str) -> Verdict {
        self.outside().check(&evidence(kind, subject, proof), &chain()).await
    }

    /// The same for the document of `example.org`.
    pub(crate) async fn document(&self) -> Verdict {
        self.check("https", "example.org", "").await
    }
}

pub(crate) fn chain() -> KeyId {
    key(1).id()
}

pub(crate) fn evidence(kind: &str, subject: &str, proof: &str) -> Evidence {
    let claim = Claim { r#type: kind.to_owned(), subject: subject.to_owned(), proof: proof.to_owned() };
    Evidence::of(&claim).expect("a claim that can be checked")
}

async fn serve(
    mut stream: TlsStream<TcpStream>,
    seen: &Mutex<Vec<String>>,
    answer: &(dyn Fn(&str, &str) -> Reply + Sync),
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).expect("UTF-8").to_ascii_lowercase();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
    seen.lock().expect("no panic").push(head);
    // A client that has seen enough goes away in the middle.
    let _ = match answer(&host, &path) {
        Reply::Raw(bytes) => send(&mut stream, &bytes).await,
        Reply::Drip(first, rest, pause) => drip(&mut stream, first, rest, pause).await,
    };
}

async fn send(stream: &mut TlsStream<TcpStream>, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.shutdown().await
}

async fn drip(stream: &mut TlsStream<TcpStream>, first: &[u8], rest: &[u8], pause: Duration) -> std::io::Result<()> {
    stream.write_all(first).await?;
    for byte in rest {
        stream.write_u8(*byte).await?;
        stream.flush().await?;
        tokio::time::sleep(pause).await;
    }
    stream.shutdown().await
}

/// An answer with this status line and body, and further headers, each with its line's end.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    Reply::Raw([head.as_bytes(), body].concat())
}

pub(crate) fn ok(body: impl AsRef<[u8]>) -> Reply {
    answer("200 OK", "", body)
}

pub(crate) fn redirect(to: &str) -> Reply {
    answer("302 Found", &format!("Location: {to}\r\n"), "")
}

/// That a verdict is this state, with a detail that has these words.
pub(crate) fn is(verdict: Verdict, state: State, words: &str) {
    assert_eq!(verdict.state, state, "{verdict:?}");
    assert!(verdict.detail.unwrap_or_default().contains(words), "{verdict:?}");
}
