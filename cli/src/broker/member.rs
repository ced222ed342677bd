//! Who logs in at a broker, and with what.

use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::{Auth, AuthError};
use kez_core::nats_login::{Login, Nonce, decode_signature};
use kez_core::subject::Subjects;
use kez_core::{KeyId, ServerName, SigningKey};

/// A key at its home server.
pub(crate) struct Member {
    pub(crate) key: SigningKey,
    /// The chain key of the identity that the key stands for, which names its inbox.
    pub(crate) chain: KeyId,
    /// The home server's name, which every login is signed for.
    pub(crate) server: ServerName,
}

impl Member {
    /// What the broker lets this identity use.
    pub(crate) fn subjects(&self) -> Subjects {
        Subjects::of(&self.chain)
    }

    /// Answers a broker's nonce, the first time only: after that, `spent` is set. A connection logs in once; whether it
    /// is worth another login is not the library's to decide, which would go on for ever with a key that is refused.
    pub(super) fn log_in(&self, nonce: &[u8], spent: &AtomicBool) -> Result<Auth, AuthError> {
        if spent.swap(true, Ordering::Relaxed) {
            return Err(AuthError::new("this connection has logged in before"));
        }
        let nonce = std::str::from_utf8(nonce).ok().and_then(|nonce| nonce.parse::<Nonce>().ok());
        let nonce = nonce.ok_or_else(|| AuthError::new("this is no nonce"))?;
        let Login { nkey, sig } = Login::sign(&self.key, &self.server, &nonce);
        let mut auth = Auth::new();
        auth.nkey = Some(nkey);
        auth.signature = decode_signature(&sig).map(Vec::from);
        Ok(auth)
    }
}

#[cfg(test)]
mod tests {
    use kez_core::nats_login::verify;

    use super::*;

    fn member() -> Member {
        let chain = SigningKey::from_seed(&[2; 32]).id();
        Member { key: SigningKey::from_seed(&[1; 32]), chain, server: "kez.example".parse().expect("a name") }
    }

    #[test]
    fn a_nonce_is_answered_once() {
        let (member, spent) = (member(), AtomicBool::new(false));
        let auth = member.log_in(b"aM28yb1GkNEYbdQ", &spent).expect("it is a nonce");
        let sig = auth.signature.expect("it is signed").try_into().expect("64 bytes");
        let nonce = "aM28yb1GkNEYbdQ".parse().expect("a nonce");
        assert!(verify(&member.key.id(), &member.server, &nonce, &sig));
        assert!(auth.nkey.is_some_and(|nkey| nkey.starts_with('U')));
        assert!(member.log_in(b"aM28yb1GkNEYbdQ", &spent).is_err());
    }

    #[test]
    fn nothing_else_is_signed() {
        for other in [&b""[..], b"aM28yb1GkNEYbd", b"aM28yb1GkNEYbdQQ", b"kez.example\nabc", b"\xff\xff\xff\xff"] {
            assert!(member().log_in(other, &AtomicBool::new(false)).is_err(), "{other:?}");
        }
    }
}
