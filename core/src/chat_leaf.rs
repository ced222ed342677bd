//! Device keys vouch for chat keys: the device key signs `"kez-chat/leaf/v1\n" + chain + "\n" + chat key in hex`.
//!
//! A chat key is an Ed25519 key that a device makes for conversations alone, so that the key that owns a handle is opened
//! once for it and not at every message. The signature says which identity the chat key is for, and nothing else is ever
//! signed that begins like it.

use crate::key::{KeyId, PublicKey, SigningKey};

/// Separates this signature from every other that a key makes.
const DOMAIN: &str = "kez-chat/leaf/v1";

/// Signs, with a device's key, that `chat_key` speaks for it as a device of the identity `chain`.
#[must_use]
pub fn sign(key: &SigningKey, chain: &KeyId, chat_key: &[u8; 32]) -> [u8; 64] {
    key.sign(&message(chain, chat_key))
}

/// Whether `signature` is `device`'s, over this identity and this chat key, and `device` a usable Ed25519 key.
#[must_use]
pub fn verify(device: &KeyId, chain: &KeyId, chat_key: &[u8; 32], signature: &[u8; 64]) -> bool {
    let Ok(PublicKey::Ed25519(key)) = PublicKey::try_from(device) else { return false };
    key.verify_strict(&message(chain, chat_key), &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
}

fn message(chain: &KeyId, chat_key: &[u8; 32]) -> Vec<u8> {
    format!("{DOMAIN}\n{chain}\n{}", const_hex::encode(chat_key)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_for_one_device_identity_and_chat_key() {
        let (key, chain) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]).id());
        let signature = sign(&key, &chain, &[3; 32]);
        assert!(verify(&key.id(), &chain, &[3; 32], &signature));
        assert!(!verify(&chain, &chain, &[3; 32], &signature), "another device");
        assert!(!verify(&key.id(), &key.id(), &[3; 32], &signature), "another identity");
        assert!(!verify(&key.id(), &chain, &[4; 32], &signature), "another chat key");
        assert!(!verify(&KeyId::ed25519([0; 32]), &chain, &[3; 32], &[0; 64]), "a point of small order");
    }

    #[test]
    fn the_signed_text_is_as_it_is_written_down() {
        let chain = KeyId::ed25519([0xab; 32]);
        let text = format!("kez-chat/leaf/v1\ned25519:{}\n{}", "ab".repeat(32), "0c".repeat(32));
        assert_eq!(message(&chain, &[0x0c; 32]), text.as_bytes());
    }
}
