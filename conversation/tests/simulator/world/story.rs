//! A history as lines for whoever looks for a fault.

use kez_conversation::{Answer, Batch, Effect, Event, Request};

pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::Frame { frame, token, .. } => format!("<- frame {token} {}", self::frame(frame)),
        Event::Answered { request, answer } => format!("<- {request} {}", self::answer(answer)),
        Event::SignedRejoin { to, .. } => format!("<- SignedRejoin {}", short(&to.to_string())),
        Event::Vouched { .. } => "<- Vouched".to_owned(),
        other => format!("<- {other:?}"),
    }
}

pub(crate) fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Publish { publish, device, frame, .. } => {
            format!("-> publish {publish} to {} {}", short(&device.to_string()), self::frame(frame))
        }
        Effect::Ask { request, what } => format!("-> ask {request} {}", self::request(what)),
        Effect::SignRejoin(rejoin) => format!("-> sign rejoin {} {}", short(&rejoin.to.to_string()), rejoin.nonce),
        Effect::Vouch { .. } => "-> vouch".to_owned(),
        other => format!("-> {other:?}"),
    }
}

/// What a step changes that others wait for: groups, and what is lost or to be done.
pub(crate) fn writes(writes: &Batch) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in &writes.0 {
        let place = key.split('/').map(|part| part.get(..8).unwrap_or(part)).collect::<Vec<_>>().join("/");
        let read = |value: &Vec<u8>| serde_json::from_slice::<serde_json::Value>(value).unwrap_or_default();
        match (key.split('/').next().unwrap_or_default(), value) {
            ("group", Some(value)) => {
                let group = read(value);
                let leaves = group["leaves"].as_array().map_or(0, Vec::len);
                lines.push(format!(
                    "== {place} {} epoch {} gen {} lives {} others {leaves} pending {} added {}",
                    group["status"],
                    group["epoch"],
                    group["gen"],
                    group["lives"],
                    !group["pending"].is_null(),
                    group["added"]
                ));
            }
            ("lost" | "mail" | "sealed" | "out" | "answer" | "replace", Some(_)) => lines.push(format!("== {place}")),
            ("group" | "lost" | "mail" | "sealed" | "out" | "answer" | "replace", None) => {
                lines.push(format!("== {place} is gone"));
            }
            _ => {}
        }
    }
    lines
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Claimed(given) => {
            format!("Claimed {:?}", given.iter().map(|g| short(&g.device.to_string())).collect::<Vec<_>>())
        }
        Answer::Log(log) => format!("Log epoch {} of {} entries", log.epoch, log.commits.len()),
        Answer::Chain(facts) => format!("Chain {} {} active", short(&facts.chain.to_string()), facts.active.len()),
        other => format!("{other:?}"),
    }
}

fn request(request: &Request) -> String {
    match request {
        Request::Upload { packages, replace, .. } => format!("Upload {} {replace}", packages.len()),
        Request::Claim { to, devices, .. } => {
            let devices: Vec<String> = devices.iter().map(|device| short(&device.to_string())).collect();
            format!("Claim {} {devices:?}", short(&to.to_string()))
        }
        Request::Start { conversation, .. } => format!("Start {conversation}"),
        Request::Commit { conversation, epoch, commit, .. } => {
            format!("Commit {conversation} {epoch} {:?}", kez_core::Hash::of(commit))
        }
        Request::Chain { chain } => format!("Chain {}", short(&chain.to_string())),
        other => format!("{other:?}"),
    }
}

fn frame(frame: &[u8]) -> String {
    let what = match frame {
        [0, 1, 0, 2, 16, rest @ ..] => {
            format!("{} epoch {}", const_hex::encode(&rest[..16]), rest.get(23).copied().unwrap_or_default())
        }
        [0, 1, 0, 3, ..] => "welcome".to_owned(),
        [b'{', ..] => "rejoin".to_owned(),
        _ => "?".to_owned(),
    };
    format!("{what} {}", &kez_core::Hash::of(frame).to_string()[..8])
}

fn short(key: &str) -> String {
    key.get(8..14).unwrap_or(key).to_owned()
}
