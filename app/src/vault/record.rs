//! What the vault keeps, and its form in the database.

use js_sys::Uint8Array;
use kez_core::{Handle, KeyId, Timestamp};
use wasm_bindgen::{JsCast as _, JsValue};

use super::device::DeviceSlot;
use super::fault::Fault;
use crate::browser::{member, object};

/// The version of the form below. A newer one is left alone.
const VERSION: f64 = 1.0;

/// How far the identity has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The key is sealed. Its handle is what the person wants; the server has not confirmed it.
    Made,
    /// The server confirmed the handle.
    Registered,
    /// The handle was given back.
    Released,
    /// The key is sealed, and waits to become a device of the identity that has the handle.
    Joining,
}

impl Stage {
    /// The stage's name, in the database and in the page.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Stage::Made => "made",
            Stage::Registered => "registered",
            Stage::Released => "released",
            Stage::Joining => "joining",
        }
    }

    fn parse(text: &str) -> Option<Stage> {
        [Stage::Made, Stage::Registered, Stage::Released, Stage::Joining]
            .into_iter()
            .find(|stage| stage.as_str() == text)
    }
}

/// The public half of what a browser holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The key.
    pub(crate) key: KeyId,
    /// The chain of the identity that it stands for: the key's own, unless it became a device or the primary of another.
    pub(crate) chain: KeyId,
    /// The identity's first key as this browser last knew it: the key itself, unless it became a device. Its picture is the
    /// identity's.
    pub(crate) primary: KeyId,
    /// When it was made, by the browser's clock.
    pub(crate) made_at: Timestamp,
    /// The stage of `handle`.
    pub(crate) stage: Stage,
    /// The handle.
    pub(crate) handle: Handle,
    /// When the server confirmed the handle, by its own clock.
    pub(crate) registered_at: Option<Timestamp>,
}

/// All of it: the identity, and its seed sealed.
pub(super) struct Record {
    pub(super) identity: Identity,
    pub(super) sealed_seed: Vec<u8>,
    pub(super) device: DeviceSlot,
    /// What the person calls the identity's devices, sealed.
    pub(super) sealed_names: Option<Vec<u8>>,
}

impl Record {
    /// For the database.
    pub(super) fn to_js(&self) -> Result<JsValue, Fault> {
        let Record { identity, sealed_seed, device, sealed_names } = self;
        let text = |time: Timestamp| JsValue::from(time.to_string());
        let slot = object(&[
            ("key", &device.key),
            ("nonce", &Uint8Array::from(device.nonce.as_slice())),
            ("wrapped", &Uint8Array::from(device.wrapped.as_slice())),
        ])?;
        let record = object(&[
            ("version", &VERSION.into()),
            ("key", &identity.key.to_string().into()),
            ("chain", &identity.chain.to_string().into()),
            ("primary", &identity.primary.to_string().into()),
            ("made_at", &text(identity.made_at)),
            ("stage", &identity.stage.as_str().into()),
            ("handle", &identity.handle.as_str().into()),
            ("registered_at", &identity.registered_at.map_or(JsValue::NULL, text)),
            ("sealed_seed", &Uint8Array::from(sealed_seed.as_slice())),
            ("device", &slot),
            ("sealed_names", &sealed_names.as_deref().map_or(JsValue::NULL, |names| Uint8Array::from(names).into())),
        ])?;
        Ok(record.into())
    }

    /// From the database.
    pub(super) fn from_js(record: &JsValue) -> Result<Record, Fault> {
        let read = || {
            if member(record, "version")?.as_f64()? != VERSION {
                return None;
            }
            let text = |name| member(record, name)?.as_string();
            let slot = member(record, "device")?;
            let key: KeyId = text("key")?.parse().ok()?;
            // Records from before there were chains, or devices with pictures, have none.
            let or_own = |name| text(name).map_or(Some(key), |other| other.parse().ok());
            let identity = Identity {
                key,
                chain: or_own("chain")?,
                primary: or_own("primary")?,
                made_at: text("made_at")?.parse().ok()?,
                stage: Stage::parse(&text("stage")?)?,
                handle: text("handle")?.parse().ok()?,
                registered_at: text("registered_at").and_then(|time| time.parse().ok()),
            };
            let device = DeviceSlot {
                key: member(&slot, "key")?.dyn_into().ok()?,
                nonce: bytes(&slot, "nonce")?,
                wrapped: bytes(&slot, "wrapped")?,
            };
            let sealed_names = bytes(record, "sealed_names");
            Some(Record { identity, sealed_seed: bytes(record, "sealed_seed")?, device, sealed_names })
        };
        read().ok_or(Fault::Damaged)
    }
}

fn bytes(object: &JsValue, name: &str) -> Option<Vec<u8>> {
    Some(member(object, name)?.dyn_into::<Uint8Array>().ok()?.to_vec())
}
