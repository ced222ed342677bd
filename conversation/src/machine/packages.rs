//! Key packages: one's own, kept in stock at the server; others', claimed and used once.

use kez_core::{KeyId, Timestamp};

use super::records::{Bytes, Claimed, Made};
use super::{DAY, HOUR, Machine};
use crate::effect::{Request, Wait};
use crate::event::{Answer, Given};
use crate::mls::package_key;
use crate::package;

/// How many one-time packages are kept at the server, and how many are made at a time.
const STOCK: u32 = 50;
const LOW: u32 = 20;
const BATCH: u32 = 12;
/// When the last resort is made anew, and how long the old one's keys are kept behind that, in seconds.
const LAST_RESORT_SECS: u64 = 30 * DAY;
const OLD_LAST_RESORT_SECS: u64 = 61 * DAY;
/// A device that had no package, or a bad one, is asked for again after this, in milliseconds.
pub(super) const AGAIN_MS: u64 = 600_000;

impl Machine {
    pub(super) fn work_packages(&mut self) {
        if !self.may_ask("upload") {
            return;
        }
        self.forget_old_packages();
        let mut waiting = self.made(|made| made.upload.is_some());
        let stock = self.live.available;
        let low = stock.is_some_and(|(available, _)| available < if waiting.is_empty() { LOW } else { STOCK });
        let replace: bool = self.store.get("replace").unwrap_or(false);
        let fresh = |made: &Made| made.last_resort && self.since(made.at) < LAST_RESORT_SECS;
        let renew =
            replace || stock.is_some_and(|(_, has_last_resort)| !has_last_resort || self.made(fresh).is_empty());
        if waiting.is_empty() && (low || replace || renew || self.topping_up(stock)) {
            let missing = STOCK.saturating_sub(stock.map_or(0, |(available, _)| available)).min(BATCH);
            for n in 0..missing + u32::from(renew) {
                self.make_package(n == missing);
            }
            waiting = self.made(|made| made.upload.is_some());
        }
        // Without any, it asks how many are there.
        if waiting.is_empty() && stock.is_some() {
            return;
        }
        let bytes = |last_resort: bool| {
            let of_kind = waiting.iter().filter(move |(_, made)| made.last_resort == last_resort);
            of_kind.filter_map(|(_, made)| Some(made.upload.as_ref()?.to_vec()))
        };
        let what = Request::Upload {
            packages: bytes(false).take(BATCH as usize).collect(),
            last_resort: bytes(true).next(),
            replace,
            created_at: self.now.wall,
            nonce: self.random_id().0,
        };
        self.ask("upload".to_owned(), what);
    }

    /// Between low and full it goes on until it is full, once it began.
    fn topping_up(&self, stock: Option<(u32, bool)>) -> bool {
        stock.is_some_and(|(available, has)| !has || (self.live.topping_up && available + BATCH <= STOCK))
    }

    fn make_package(&mut self, last_resort: bool) {
        let now = self.now.wall;
        if let Some(Ok((reference, bytes))) = self.mls(|mls| mls.package(now, last_resort)) {
            let made = Made { at: now, last_resort, upload: Some(Bytes::from(bytes)) };
            self.store.put(&format!("made/{reference}"), &made);
        }
    }

    /// Whether a package of one's own is one that is given out again and again.
    pub(super) fn is_last_resort(&self, reference: &str) -> bool {
        self.store.get::<Made>(&format!("made/{reference}")).is_some_and(|made| made.last_resort)
    }

    fn made(&self, wanted: impl Fn(&Made) -> bool) -> Vec<(String, Made)> {
        let all = self.store.keys("made/").into_iter();
        all.filter_map(|key| self.store.get(&key).map(|made| (key, made))).filter(|(_, made)| wanted(made)).collect()
    }

    /// Private keys of packages that nobody may use any longer.
    fn forget_old_packages(&self) {
        for (key, made) in self.made(|_| true) {
            let kept = if made.last_resort { OLD_LAST_RESORT_SECS } else { package::MAX_LIFETIME_SECS };
            let reference = key.trim_start_matches("made/");
            let used = !self.store.has(&package_key(reference));
            if used || self.since(made.at) > kept {
                self.store.delete(&package_key(reference));
                self.store.delete(&key);
            }
        }
        for key in self.store.keys("claimed/") {
            if self.store.get::<Claimed>(&key).is_none_or(|claimed| self.since(claimed.at) > 7 * DAY) {
                self.store.delete(&key);
            }
        }
    }

    pub(super) fn upload_answered(&mut self, answer: &Answer) {
        let Answer::Uploaded { available, has_last_resort } = answer else { return self.hold("upload", HOUR * 1_000) };
        let first = self.live.available.is_none();
        // What was listed is there now: all that waited, but for what did not fit into one envelope.
        let mut room = BATCH;
        for (key, mut made) in self.made(|made| made.upload.is_some()) {
            if made.last_resort || room > 0 {
                room -= u32::from(!made.last_resort);
                made.upload = None;
                self.store.put(&key, &made);
            }
        }
        if !(first && self.made(|_| true).is_empty()) {
            self.store.delete("replace");
        }
        self.live.topping_up = *available < LOW || (self.live.topping_up && available + BATCH <= STOCK);
        self.live.available = Some((*available, *has_last_resort));
    }

    /// Packages for `devices` of `chain`, as far as there are any at hand; the others are asked for.
    pub(super) fn packages_for(&mut self, chain: KeyId, devices: &[KeyId]) -> Vec<(KeyId, String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for device in devices {
            match self.claimed(device) {
                Some((key, package)) => found.push((*device, key, package)),
                None => missing.push(*device),
            }
        }
        let due = |device: &KeyId| self.live.tried.get(device).is_none_or(|at| self.now.steady >= at + AGAIN_MS);
        missing.retain(due);
        let name = format!("claim/{}", chain.hex());
        if !missing.is_empty() && self.may_ask(&name) {
            missing.truncate(64);
            self.live.claiming.insert(chain, missing.clone());
            let what =
                Request::Claim { to: chain, devices: missing, created_at: self.now.wall, nonce: self.random_id().0 };
            self.ask(name, what);
        }
        found
    }

    fn claimed(&mut self, device: &KeyId) -> Option<(String, Vec<u8>)> {
        for key in self.store.keys(&format!("claimed/{}/", device.hex())) {
            let Some(claimed) = self.store.get::<Claimed>(&key) else { continue };
            let facts = self.facts(&claimed.chain)?;
            if package::judge(&claimed.package, device, &facts, claimed.last_resort, self.now.wall).is_ok() {
                return Some((key, claimed.package.to_vec()));
            }
            self.store.delete(&key);
        }
        None
    }

    pub(super) fn claim_answered(&mut self, chain: KeyId, answer: &Answer) {
        let name = format!("claim/{}", chain.hex());
        let (Answer::Claimed(given), Some(facts)) = (answer, self.facts(&chain)) else { return self.back_off(&name) };
        let mut wanted = self.live.claiming.remove(&chain).unwrap_or_default();
        for Given { device, package, last_resort } in given {
            if package::judge(package, device, &facts, *last_resort, self.now.wall).is_ok() {
                let hash = kez_core::Hash::of(package);
                let key = format!("claimed/{}/{}", device.hex(), const_hex::encode(&hash.as_bytes()[..8]));
                let claimed = Claimed {
                    chain,
                    last_resort: *last_resort,
                    at: self.now.wall,
                    package: Bytes::from(package.clone()),
                };
                self.store.put(&key, &claimed);
                wanted.retain(|other| other != device);
            }
        }
        // Whoever has none, or a bad one, is asked for again in a while.
        for device in wanted {
            self.live.tried.insert(device, self.now.steady);
        }
        if given.is_empty() {
            self.live.waiting.insert(chain, Wait::NoPackages);
        }
    }

    /// A package is used: it never is again.
    pub(super) fn use_package(&self, key: &str) {
        #[cfg(feature = "planted")]
        if self.config.fault == Some(crate::Fault::PackageTwice) {
            return;
        }
        self.store.delete(key);
    }

    pub(super) fn is_past(&self, then: Timestamp, seconds: u64) -> bool {
        self.since(then) >= seconds
    }
}
