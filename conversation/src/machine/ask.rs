//! Asking the home server: once at a time about one thing, and again after a while.

use kez_core::KeyId;

use super::{HOUR, Machine, RETRY_MS};
use crate::context::Cid;
use crate::effect::{Effect, Request, Wait};
use crate::event::{Answer, Refused};

impl Machine {
    /// Asks unless it is being asked, or was refused a moment ago. `name` says what it is about.
    pub(super) fn ask(&mut self, name: String, what: Request) {
        if !self.may_ask(&name) {
            return;
        }
        let request = self.number();
        let now = self.now.steady;
        let asked = self.live.asked.entry(name.clone()).or_default();
        (asked.under_way, asked.at, asked.request) = (true, now, request);
        self.live.requests.insert(request, name);
        self.effects.push(Effect::Ask { request, what });
    }

    pub(super) fn may_ask(&self, name: &str) -> bool {
        let asked = self.live.asked.get(name).copied().unwrap_or_default();
        self.live.connected && !asked.under_way && asked.not_before <= self.now.steady
    }

    /// Not again before so many milliseconds are over.
    pub(super) fn hold(&mut self, name: &str, milliseconds: u64) {
        self.live.asked.entry(name.to_owned()).or_default().not_before = self.now.steady + milliseconds;
    }

    /// Something had no answer: again after a time that doubles, a random part of it.
    pub(super) fn back_off(&mut self, name: &str) {
        let asked = self.live.asked.entry(name.to_owned()).or_default();
        asked.failures = (asked.failures + 1).min(16);
        let most = (RETRY_MS.0 << asked.failures).min(RETRY_MS.1);
        let wait = most / 2 + self.random_below(most / 2 + 1);
        self.hold(name, wait);
    }

    pub(super) fn answered(&mut self, request: u64, answer: Answer) {
        let Some(name) = self.live.requests.remove(&request) else { return };
        let asked = self.live.asked.entry(name.clone()).or_default();
        if asked.request != request {
            // About something that is over: the log told first what became of a commit, and there is another one now.
            return;
        }
        asked.under_way = false;
        match answer {
            Answer::None | Answer::Refused(Refused::Otherwise) => return self.back_off(&name),
            Answer::Refused(Refused::Limited { retry_after }) => {
                let wait = retry_after.clamp(1, HOUR) * 1_000;
                self.hold(&name, wait);
                let cid = name.strip_prefix("commit/").and_then(|cid| cid.parse().ok());
                if let Some(group) = cid.and_then(|cid| self.group(&cid)) {
                    self.live.waiting.insert(group.peer, Wait::Limited);
                }
                return;
            }
            _ => asked.failures = 0,
        }
        let (kind, about) = name.split_once('/').unwrap_or((&name, ""));
        let cid = || about.parse::<Cid>().ok();
        let chain = || KeyId::from_parts("ed25519", about).ok();
        match kind {
            "instance" => self.instance_answered(&answer),
            "upload" => self.upload_answered(&answer),
            "claim" => chain().into_iter().for_each(|chain| self.claim_answered(chain, &answer)),
            "chain" => chain().into_iter().for_each(|chain| self.chain_answered(chain, &answer)),
            "log" => cid().into_iter().for_each(|cid| self.log_answered(cid, &answer)),
            "start" => cid().into_iter().for_each(|cid| self.start_answered(cid, &answer)),
            "commit" => cid().into_iter().for_each(|cid| self.commit_answered(cid, &answer)),
            _ => {}
        }
    }
}
