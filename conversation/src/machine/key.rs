//! The device's chat key, which its device key vouches for.

use zeroize::Zeroizing;

use super::records::Bytes;
use super::{Config, Machine};
use crate::effect::Effect;
use crate::leaf::Voucher;
use crate::mls::{self, Me};

impl Machine {
    pub(super) fn make_chat_key(&mut self) {
        if let Some(seed) = self.store.bytes("seed") {
            let provider = crate::crypto::Provider::new(self.stream.clone());
            if let Ok(public) = mls::public_of(&provider, &seed) {
                self.effects.push(Effect::Vouch { chat_key: public });
            }
            return;
        }
        if let Ok((seed, public)) = mls::chat_key(&self.stream) {
            self.store.put_bytes("seed", seed);
            self.effects.push(Effect::Vouch { chat_key: public });
        }
    }

    pub(super) fn vouched(&mut self, chat_key: [u8; 32], signature: [u8; 64]) {
        let Config { chain, device, .. } = self.config;
        let Some(seed) = self.store.bytes("seed") else { return };
        let provider = crate::crypto::Provider::new(self.stream.clone());
        let ours = mls::public_of(&provider, &seed).is_ok_and(|public| public == chat_key);
        if ours && kez_core::chat_leaf::verify(&device, &chain, &chat_key, &signature) {
            let voucher = Voucher { chain, device, chat_key, signature };
            // What an earlier life of this device left at the server is of no use.
            self.store.put("replace", &true);
            self.store.put("me", &Me { seed: Bytes(Zeroizing::new(seed.to_vec())), voucher });
            self.store.delete("seed");
        }
    }
}
