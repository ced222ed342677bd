//! A broker of the test's own, which says what a test has it say: enough NATS to get a client through its login.

mod hostile;
mod login;
mod send;
mod strangers;
mod watch;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use kez_core::contact_request::{ContactRequest, MessageId};
use kez_core::{KeyId, ServerName, SigningKey};
use serde_json::Value;

use super::hostile::{Server, honest, key, now};
use super::{Run, User};

/// A real nonce.
const NONCE: &str = "aM28yb1GkNEYbdQ";

type Answer = Box<dyn FnMut(&Published) -> Vec<u8> + Send>;

/// What a broker does.
pub(super) struct Script {
    /// The first line, without its end.
    info: String,
    /// Sent for the PING that follows CONNECT.
    pong: Vec<u8>,
    /// Sent for a published message.
    answer: Answer,
}

impl Script {
    pub(super) fn new(answer: impl FnMut(&Published) -> Vec<u8> + Send + 'static) -> Self {
        Script { info: info(NONCE), pong: b"PONG\r\n".to_vec(), answer: Box::new(answer) }
    }
}

fn info(nonce: &str) -> String {
    let text = serde_json::json!({ "server_id": "N", "version": "2.15.1", "headers": true, "max_payload": 65536, "nonce": nonce });
    format!("INFO {text}")
}

/// A message that the client published.
#[derive(Clone, Debug)]
pub(super) struct Published {
    subject: String,
    reply: String,
    /// The subscription that `reply` reaches.
    sid: String,
    headers: String,
    payload: Vec<u8>,
    /// Which connection it came on, from 0.
    connection: usize,
}

impl Published {
    pub(super) fn is_pull(&self) -> bool {
        self.subject.starts_with("$JS.API.CONSUMER.MSG.NEXT.")
    }

    /// An answer to this message, on `subject`, itself to be answered on `reply`.
    pub(super) fn message(&self, subject: &str, reply: &str, payload: &[u8]) -> Vec<u8> {
        let head = format!("MSG {subject} {} {reply} {}\r\n", self.sid, payload.len());
        [head.as_bytes(), payload, b"\r\n"].concat()
    }

    /// An answer without a way back.
    pub(super) fn answered(&self, payload: &[u8]) -> Vec<u8> {
        self.message(&self.reply, "", payload)
    }

    /// A status instead of a message.
    pub(super) fn status(&self, status: &str) -> Vec<u8> {
        let headers = format!("NATS/1.0 {status}\r\n\r\n");
        format!("HMSG {} {} {} {}\r\n{headers}\r\n", self.reply, self.sid, headers.len(), headers.len()).into_bytes()
    }
}

/// The broker: a thread for each connection, which ends with it.
pub(super) struct Broker {
    url: String,
    /// CONNECT's options.
    logins: Receiver<Value>,
    published: Receiver<Published>,
    script: Arc<Mutex<Script>>,
}

impl Broker {
    pub(super) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("nats://{}", listener.local_addr().expect("it is bound"));
        let (to_logins, logins) = channel();
        let (to_published, published) = channel();
        let script = Arc::new(Mutex::new(script));
        let broker_script = Arc::clone(&script);
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (script, logins, published) = (Arc::clone(&broker_script), to_logins.clone(), to_published.clone());
                thread::spawn(move || serve(stream, connection, &script, &logins, &published));
            }
        });
        Broker { url, logins, published, script }
    }

    /// Lets nobody in any more.
    fn refuse_from_now_on(&self) {
        self.script.lock().expect("no script panics").pong = b"-ERR 'Authorization Violation'\r\n".to_vec();
    }

    /// What was published on subjects that begin with `prefix`, so far.
    fn published_on(&self, prefix: &str) -> Vec<Published> {
        self.published.try_iter().filter(|published| published.subject.starts_with(prefix)).collect()
    }
}

/// Speaks with one client until either hangs up.
fn serve(
    mut stream: TcpStream,
    connection: usize,
    script: &Mutex<Script>,
    logins: &Sender<Value>,
    to_test: &Sender<Published>,
) -> Option<()> {
    let info = script.lock().ok()?.info.clone();
    stream.write_all(format!("{info}\r\n").as_bytes()).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut subscriptions, mut is_in): (Vec<(String, String)>, bool) = (Vec::new(), false);
    loop {
        let line = line(&mut reader)?;
        let mut words = line.split(' ');
        match words.next()? {
            "CONNECT" => {
                let options = serde_json::from_str(line.strip_prefix("CONNECT ")?).ok()?;
                logins.send(options).ok()?;
            }
            "PING" if is_in => stream.write_all(b"PONG\r\n").ok()?,
            "PING" => {
                is_in = true;
                stream.write_all(&script.lock().ok()?.pong).ok()?;
            }
            "SUB" => {
                let subject = words.next()?.trim_end_matches('*').to_owned();
                subscriptions.push((subject, words.next_back()?.to_owned()));
            }
            verb @ ("PUB" | "HPUB") => {
                let words: Vec<_> = words.collect();
                let (subjects, sizes) = words.split_at_checked(words.len() - if verb == "PUB" { 1 } else { 2 })?;
                let size = |at: usize| sizes.get(at)?.parse::<usize>().ok();
                let (headers, total) = if verb == "PUB" { (0, size(0)?) } else { (size(0)?, size(1)?) };
                let mut body = vec![0; total + 2];
                reader.read_exact(&mut body).ok()?;
                let reply = subjects.get(1).copied().unwrap_or_default().to_owned();
                let sid = subscriptions.iter().find(|(subject, _)| reply.starts_with(subject.as_str()));
                let published = Published {
                    subject: (*subjects.first()?).to_owned(),
                    sid: sid.map(|(_, sid)| sid.clone()).unwrap_or_default(),
                    reply,
                    headers: String::from_utf8_lossy(body.get(..headers)?).into_owned(),
                    payload: body.get(headers..total)?.to_vec(),
                    connection,
                };
                // The test may be over.
                let _ = to_test.send(published.clone());
                let answer = (script.lock().ok()?.answer)(&published);
                if answer == HANG_UP {
                    return None;
                }
                stream.write_all(&answer).ok()?;
            }
            _ => {}
        }
    }
}

/// The answer that is none: the connection ends.
const HANG_UP: &[u8] = b"hang up";

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
}

/// A user at a server that has an inbox there, and the server.
pub(super) struct Member {
    user: User,
    id: KeyId,
    home: Server,
}

impl Member {
    pub(super) fn new() -> Self {
        Member::at(Server::start(honest))
    }

    fn at(home: Server) -> Self {
        let user = User::with_key();
        let shown = user.kez(&["key", "show"]).json();
        let id = shown["key"].as_str().expect("a key is text").parse().expect("it is a key's id");
        Member { user, id, home }
    }

    pub(super) fn inbox(&self, broker: &Broker, args: &[&str]) -> Run {
        self.user.kez(&self.args(broker, args).iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn args(&self, broker: &Broker, args: &[&str]) -> Vec<String> {
        let of_home = ["--server", &self.home.url(), "--nats-url", &broker.url].map(str::to_owned);
        ["inbox"].iter().chain(args).map(|arg| (*arg).to_owned()).chain(of_home).collect()
    }

    /// A contact request from key `seed` to this user, and the subject that it is stored under.
    pub(super) fn request(&self, seed: u8, nonce: u8) -> (String, Vec<u8>) {
        let (from, text) = (key(seed), request_to(self.id, &self.home.name, &key(seed), nonce));
        (self.stored_under(&from.id()), text)
    }

    fn stored_under(&self, sender: &KeyId) -> String {
        format!("kez.inbox.{}.{}", self.id.hex(), sender.hex())
    }

    /// A receipt as JetStream makes them.
    pub(super) fn receipt(&self, sequence: usize) -> String {
        format!("$JS.ACK.KEZ_INBOX.{}.1.{sequence}.{sequence}.1795575399916004240.0", self.id.hex())
    }
}

/// A contact request that is signed now.
fn request_to(to: KeyId, server: &ServerName, from: &SigningKey, nonce: u8) -> Vec<u8> {
    let nonce = MessageId::from_bytes([nonce; 16]);
    ContactRequest { to, server: server.clone(), created_at: now(), nonce }.sign(from.id(), from)
}

/// Long enough for a program to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
