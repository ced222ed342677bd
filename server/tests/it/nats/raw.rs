//! A NATS client of the tests' own, that sends what no library would.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use kez_core::nats_login::{Login, Nonce};
use kez_core::{ServerName, SigningKey};
use nkeys::KeyPair;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::Nats;
use crate::harness::name;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that has read INFO.
pub(crate) struct Raw {
    pub(crate) info: Value,
    input: BufReader<OwnedReadHalf>,
    output: OwnedWriteHalf,
}

/// What the broker sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// `-ERR`, its text.
    Error(String),
    /// `MSG` or `HMSG`: subject, reply, headers, payload.
    Message { subject: String, reply: Option<String>, headers: String, payload: Vec<u8> },
    /// `PONG`
    Pong,
    /// The connection ended.
    End,
}

impl Raw {
    /// Connects and reads INFO.
    pub(crate) async fn open(nats: &Nats) -> Raw {
        let (input, output) = TcpStream::connect(&nats.address).await.expect("a connection").into_split();
        let mut raw = Raw { info: Value::Null, input: BufReader::new(input), output };
        let line = raw.line().await.expect("INFO");
        raw.info = serde_json::from_str(line.strip_prefix("INFO ").expect("INFO")).expect("JSON");
        raw
    }

    /// The same, where a broker may be away, or go away while it is asked.
    pub(crate) async fn reach(address: &str) -> Option<Raw> {
        let (input, output) = TcpStream::connect(address).await.ok()?.into_split();
        let mut raw = Raw { info: Value::Null, input: BufReader::new(input), output };
        let line = tokio::time::timeout(PATIENCE, raw.line()).await.ok()??;
        raw.info = serde_json::from_str(line.strip_prefix("INFO ")?).ok()?;
        Some(raw)
    }

    /// Logged in as `key`, as it should be done.
    pub(crate) async fn login(nats: &Nats, key: &SigningKey) -> Raw {
        let mut raw = Raw::open(nats).await;
        let proof = raw.proof(key, &name());
        assert_eq!(raw.connect(proof).await, Ok(()), "the login is taken");
        raw
    }

    /// Logged in as one of the server's own users, whom the broker knows without asking.
    pub(crate) async fn login_as(nats: &Nats, own: &str) -> Raw {
        let mut raw = Raw::open(nats).await;
        let seed = KeyPair::from_seed(&crate::init::seed(&nats.out, own)).expect("a seed");
        let proof = raw.stock_proof(&seed);
        assert_eq!(raw.connect(proof).await, Ok(()), "{own}");
        raw
    }

    /// What this connection makes of a login, in words: `Ok`, or what the broker said.
    pub(crate) async fn try_login(nats: &Nats, key: &SigningKey) -> Result<(), String> {
        let mut raw = Raw::open(nats).await;
        let proof = raw.proof(key, &name());
        raw.connect(proof).await
    }

    pub(crate) fn nonce(&self) -> Nonce {
        self.info["nonce"].as_str().expect("a nonce").parse().expect("a good one")
    }

    /// A stock client's proof.
    pub(crate) fn stock_proof(&self, key: &KeyPair) -> Value {
        let sig = key.sign(self.nonce().to_string().as_bytes()).expect("a signature");
        json!({ "nkey": key.public_key(), "sig": BASE64URL_NOPAD.encode(&sig) })
    }

    pub(crate) fn proof(&self, key: &SigningKey, server: &ServerName) -> Value {
        let Login { nkey, sig } = Login::sign(key, server, &self.nonce());
        json!({ "nkey": nkey, "sig": sig })
    }

    /// Sends CONNECT with these members and PING, and waits for what comes of it.
    pub(crate) async fn connect(&mut self, members: Value) -> Result<(), String> {
        let mut connect = json!({ "verbose": false, "pedantic": false, "lang": "test", "version": "0", "protocol": 1,
            "headers": true, "no_responders": true });
        let all = connect.as_object_mut().expect("an object");
        all.extend(members.as_object().expect("an object").clone());
        self.send(&format!("CONNECT {connect}\r\nPING\r\n")).await;
        match self.next().await {
            Sent::Pong => Ok(()),
            Sent::Error(text) => Err(text),
            other => Err(format!("{other:?}")),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        // A broker that has closed the connection says so when it is read.
        let _ = self.output.write_all(text.as_bytes()).await;
    }

    /// What is sent on; nothing is read any more.
    pub(crate) fn into_output(self) -> OwnedWriteHalf {
        self.output
    }

    /// The same; whether the connection still takes it.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.output.write_all(bytes).await.is_ok()
    }

    pub(crate) async fn publish(&mut self, subject: &str, reply: &str, payload: &str) {
        self.send(&format!("PUB {subject} {reply} {}\r\n{payload}\r\n", payload.len())).await;
    }

    pub(crate) async fn publish_with(&mut self, subject: &str, reply: &str, headers: &[(&str, &str)], payload: &str) {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = format!("NATS/1.0\r\n{headers}\r\n");
        let all = headers.len() + payload.len();
        self.send(&format!("HPUB {subject} {reply} {} {all}\r\n{headers}{payload}\r\n", headers.len())).await;
    }

    pub(crate) async fn subscribe(&mut self, subject: &str, sid: u32) {
        self.send(&format!("SUB {subject} {sid}\r\n")).await;
    }

    /// Everything that comes until the broker has dealt with all that was sent.
    pub(crate) async fn settle(&mut self) -> Vec<Sent> {
        self.send("PING\r\n").await;
        let mut all = Vec::new();
        loop {
            match self.next().await {
                Sent::Pong => return all,
                Sent::End => {
                    all.push(Sent::End);
                    return all;
                }
                other => all.push(other),
            }
        }
    }

    /// The next thing that the broker sends.
    pub(crate) async fn next(&mut self) -> Sent {
        loop {
            let Some(line) = self.line().await else { return Sent::End };
            if line == "PONG" {
                return Sent::Pong;
            } else if line == "PING" {
                self.send("PONG\r\n").await;
            } else if let Some(text) = line.strip_prefix("-ERR ") {
                return Sent::Error(text.trim_matches('\'').to_owned());
            } else if let Some(words) = line.strip_prefix("MSG ") {
                let words: Vec<&str> = words.split(' ').collect();
                let reply = (words.len() == 4).then(|| words[2].to_owned());
                return self.message(words[0], reply, 0, words[words.len() - 1]).await;
            } else if let Some(words) = line.strip_prefix("HMSG ") {
                let words: Vec<&str> = words.split(' ').collect();
                let reply = (words.len() == 5).then(|| words[2].to_owned());
                let head = words[words.len() - 2].parse().expect("a length");
                return self.message(words[0], reply, head, words[words.len() - 1]).await;
            }
        }
    }

    async fn message(&mut self, subject: &str, reply: Option<String>, head: usize, all: &str) -> Sent {
        let all: usize = all.parse().expect("a length");
        let mut bytes = vec![0; all + 2];
        self.input.read_exact(&mut bytes).await.expect("a payload");
        let headers = String::from_utf8_lossy(&bytes[..head]).into_owned();
        Sent::Message { subject: subject.to_owned(), reply, headers, payload: bytes[head..all].to_vec() }
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read =
            tokio::time::timeout(PATIENCE, self.input.read_line(&mut line)).await.expect("the broker says something");
        // A reset is an end too.
        if read.unwrap_or(0) == 0 { None } else { Some(line.trim_end().to_owned()) }
    }

    /// Waits for the broker to end the connection, and says after how long, or that it did not.
    pub(crate) async fn ended_within(&mut self, limit: Duration) -> bool {
        let ended = async { while !matches!(self.next().await, Sent::End) {} };
        tokio::time::timeout(limit, ended).await.is_ok()
    }
}
