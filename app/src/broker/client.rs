//! The connection itself: the bundle of `broker/`, loaded when it is first needed, and its five functions.

use js_sys::{Array, Function, Promise, Uint8Array};
use kez_core::nats_login::{Login, MalformedNonce, Nonce};
use kez_core::subject::Subjects;
use kez_core::{KeyId, ServerName};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::stored::{self, Stored};
use crate::place::Broker;
use crate::vault::{self, Identity};

#[wasm_bindgen]
extern "C" {
    /// Loads a module; the page's own script has it (`app/src/boot.js`).
    #[wasm_bindgen(js_name = kezImport, catch)]
    async fn import(url: &str) -> Result<JsValue, JsValue>;

    /// What `broker/broker.js` exports.
    type Bundle;

    #[wasm_bindgen(method, catch)]
    async fn connect(
        this: &Bundle,
        url: &str,
        inbox_prefix: &str,
        sign: &Function,
        ended: &Function,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn send(
        this: &Bundle,
        connection: &JsValue,
        subject: &str,
        id: &str,
        data: &[u8],
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn pull(this: &Bundle, connection: &JsValue, subject: &str, seconds: u32) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn acknowledge(this: &Bundle, connection: &JsValue, subject: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn close(this: &Bundle, connection: &JsValue) -> Result<JsValue, JsValue>;
}

/// Why there is no connection, or no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The broker does not let this key in, and does not say why.
    Refused,
    /// The broker asked for something that no broker asks a client to sign.
    OddNonce,
    /// The time that the broker gave this session is over.
    Expired,
    /// No answer came in time; what was sent may have arrived.
    Unanswered,
    /// The broker has nobody who would take this.
    Nobody,
    /// The broker has no inbox for this identity.
    NoInbox,
    /// The identity may read at the moment, and not send.
    MayNotSend,
    /// The connection is gone, or never came to be.
    Lost,
    /// The key cannot be opened.
    Vault(vault::Fault),
}

impl From<JsValue> for Trouble {
    fn from(reason: JsValue) -> Self {
        match reason.as_string().as_deref() {
            Some("refused") => Trouble::Refused,
            Some("nonce") => Trouble::OddNonce,
            Some("expired") => Trouble::Expired,
            Some("timeout") => Trouble::Unanswered,
            Some("nobody") => Trouble::Nobody,
            Some("forbidden") => Trouble::MayNotSend,
            _ => Trouble::Lost,
        }
    }
}

/// A message as it was delivered.
pub(super) struct Message {
    /// Where the broker keeps it, which names who sent it.
    pub(super) subject: String,
    /// What was sent.
    pub(super) data: Vec<u8>,
    acknowledge: String,
}

/// A connection that is signed in as one identity.
pub(crate) struct Connection {
    bundle: Bundle,
    handle: JsValue,
    ended: Promise,
    subjects: Subjects,
}

impl Connection {
    /// Connects as `identity`, whose secret key is opened for the signature and dropped with it.
    pub(crate) async fn open(identity: &Identity, server: &ServerName, broker: &Broker) -> Result<Connection, Trouble> {
        let bundle: Bundle = import(&broker.asset).await?.unchecked_into();
        let subjects = Subjects::of(&identity.chain);
        let secret = vault::open(&identity.key).await.map_err(Trouble::Vault)?;
        let server = server.clone();
        let sign = Closure::once(move |nonce: String| -> Result<JsValue, JsValue> {
            let nonce: Nonce = nonce.parse().map_err(|error: MalformedNonce| JsValue::from(error.to_string()))?;
            let Login { nkey, sig } = Login::sign(&secret, &server, &nonce);
            Ok(Array::of2(&nkey.into(), &sig.into()).into())
        });
        let mut tell = JsValue::UNDEFINED;
        let ended = Promise::new(&mut |resolve, _| tell = resolve.into());
        let signing = sign.as_ref().unchecked_ref();
        let handle = bundle.connect(&broker.url, &subjects.reply_prefix(), signing, tell.unchecked_ref()).await;
        // A signature that the broker never asked for leaves the key in here.
        drop(sign);
        Ok(Connection { handle: handle?, bundle, ended, subjects })
    }

    /// Sends `data` to another identity, once for every `id`.
    pub(crate) async fn send(&self, to: &KeyId, id: &str, data: &[u8]) -> Result<Stored, Trouble> {
        let answer = self.bundle.send(&self.handle, &self.subjects.send(to), id, data).await?;
        Ok(stored::read(&Uint8Array::new(&answer).to_vec()))
    }

    /// Waits so many seconds for one message of the own inbox; `Err` is the status that came instead, 408 when there was
    /// none and 0 when the connection is over.
    pub(super) async fn pull(&self, seconds: u32) -> Result<Message, u32> {
        let pulled = self.bundle.pull(&self.handle, &self.subjects.next(), seconds).await.map_err(|_| 0_u32)?;
        let Some(parts) = pulled.dyn_ref::<Array>() else {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status has three digits")]
            return Err(pulled.as_f64().unwrap_or_default() as u32);
        };
        let text = |at| parts.get(at).as_string().unwrap_or_default();
        Ok(Message { subject: text(0), data: Uint8Array::new(&parts.get(1)).to_vec(), acknowledge: text(2) })
    }

    /// Takes a message out of the inbox, for good.
    pub(super) fn acknowledge(&self, message: &Message) {
        if !self.subjects.is_receipt(&message.acknowledge) {
            return;
        }
        // On a connection that is over, nothing is lost: the message comes again.
        let _sent = self.bundle.acknowledge(&self.handle, &message.acknowledge);
    }

    /// Ends the connection.
    pub(super) fn close(&self) {
        // One that is over already closes without effect.
        let _closing = self.bundle.close(&self.handle);
    }

    /// Why the connection is over, once it is.
    pub(super) async fn ended(&self) -> Trouble {
        JsFuture::from(self.ended.clone()).await.unwrap_or_default().into()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}
