//! The slot `device`: the data key, wrapped with AES-256-GCM by a WebCrypto key that cannot be exported. No script can
//! read that key, this origin's own included; whoever can read the browser's profile folder may.

use js_sys::{Array, ArrayBuffer, Object, Uint8Array};
use kez_core::KeyId;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CryptoKey, SubtleCrypto};
use zeroize::Zeroizing;

use super::fault::Fault;
use super::seal::{DataKey, Domain, random};
use crate::browser::object;

const ALGORITHM: &str = "AES-GCM";
/// Bytes of the nonce that AES-GCM is defined for (NIST SP 800-38D).
const NONCE: usize = 12;

/// A wrapped data key and the browser's key that wraps it.
pub(super) struct DeviceSlot {
    /// Not extractable.
    pub(super) key: CryptoKey,
    /// The wrapping's nonce.
    pub(super) nonce: Vec<u8>,
    /// Ciphertext and tag.
    pub(super) wrapped: Vec<u8>,
}

/// Wraps `data_key` with a new key of the browser's, for the vault of `id`.
pub(super) async fn wrap(id: &KeyId, data_key: &DataKey) -> Result<DeviceSlot, Fault> {
    let subtle = subtle()?;
    let kind = object(&[("name", &ALGORITHM.into()), ("length", &256.into())])?;
    let usages = Array::of2(&"encrypt".into(), &"decrypt".into());
    let key = JsFuture::from(subtle.generate_key_with_object(&kind, false, &usages)?).await?;
    let key: CryptoKey = key.dyn_into()?;
    let nonce = random::<NONCE>()?.to_vec();
    // The browser copies the bytes before this returns.
    let wrapping = subtle.encrypt_with_object_and_u8_array(&parameters(id, &nonce)?, &key, &**data_key)?;
    let wrapped: ArrayBuffer = JsFuture::from(wrapping).await?.dyn_into()?;
    Ok(DeviceSlot { key, nonce, wrapped: Uint8Array::new(&wrapped).to_vec() })
}

/// Unwraps the data key of the vault of `id`.
pub(super) async fn unwrap(id: &KeyId, slot: &DeviceSlot) -> Result<DataKey, Fault> {
    let parameters = parameters(id, &slot.nonce)?;
    let opening = subtle()?.decrypt_with_object_and_u8_array(&parameters, &slot.key, &slot.wrapped)?;
    let opened: ArrayBuffer = JsFuture::from(opening).await.map_err(|_| Fault::Damaged)?.dyn_into()?;
    let view = Uint8Array::new(&opened);
    let mut data_key = Zeroizing::new([0; 32]);
    if view.length() as usize != data_key.len() {
        return Err(Fault::Damaged);
    }
    view.copy_to(&mut *data_key);
    // The browser's own copy lies outside this program's memory; it is wiped by hand.
    view.fill(0, 0, view.length());
    Ok(data_key)
}

fn subtle() -> Result<SubtleCrypto, Fault> {
    let crypto = web_sys::window().ok_or(Fault::NoWebCrypto)?.crypto()?;
    let subtle = crypto.subtle();
    // Outside secure contexts there is none, whatever the bindings' types say.
    if AsRef::<JsValue>::as_ref(&subtle).is_undefined() { Err(Fault::NoWebCrypto) } else { Ok(subtle) }
}

fn parameters(id: &KeyId, nonce: &[u8]) -> Result<Object, Fault> {
    let additional_data = Uint8Array::from(Domain::DeviceSlot.additional_data(id).as_slice());
    let nonce = Uint8Array::from(nonce);
    Ok(object(&[("name", &ALGORITHM.into()), ("iv", &nonce), ("additionalData", &additional_data)])?)
}
