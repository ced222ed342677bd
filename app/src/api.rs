//! The JSON API as the islands use it: the same one that scripts use.

use kez_core::canonical::{self, Json, Object};
use kez_core::text::shown;
use kez_core::{Code, Handle, Hash, KeyId, Timestamp};
use web_sys::AbortSignal;

use crate::browser::{self, Answer, Offline};

/// How long is waited for what is good to know.
const PATIENCE_MILLIS: i32 = 5_000;

/// Why the API did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No answer came.
    Offline,
    /// The server refused, and said why.
    Refused {
        /// The problem's code.
        code: Code,
        /// What the server advises.
        detail: String,
        /// The server's clock, where it is the problem.
        server_time: Option<Timestamp>,
    },
    /// The answer is not one that this API gives: something else answered in the server's place.
    Odd,
}

impl Failure {
    /// The problem's code, if the server gave one.
    pub(crate) const fn code(&self) -> Option<Code> {
        if let Failure::Refused { code, .. } = self { Some(*code) } else { None }
    }

    /// Whether the answer is that nobody has what was asked for.
    pub(crate) const fn is_nobody(&self) -> bool {
        matches!(self.code(), Some(Code::NotFound | Code::Gone))
    }

    /// What happened, and what to do.
    pub(crate) fn advice(&self) -> String {
        match self {
            Failure::Offline => "No answer from the server. Check your connection, then try again.".into(),
            Failure::Refused { code: Code::RateLimited, .. } => {
                "Too many requests from your network. Wait a minute, then try again.".into()
            }
            Failure::Refused { code: Code::Unavailable | Code::Internal, .. } => {
                "The server cannot do this at the moment. Nothing is lost; try again in a few seconds.".into()
            }
            Failure::Refused { detail, .. } => detail.clone(),
            Failure::Odd => "Something that is not this server answered. Check your connection or proxy.".into(),
        }
    }
}

impl From<Offline> for Failure {
    fn from(_: Offline) -> Self {
        Failure::Offline
    }
}

/// Who holds a handle, or which handle a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The handle.
    pub(crate) handle: String,
    /// The key that holds it.
    pub(crate) primary: KeyId,
    /// Since when.
    pub(crate) registered_at: Timestamp,
    /// The identity's chain: the first key that held the handle.
    pub(crate) chain: KeyId,
    /// The newest event of the chain, when it has begun.
    pub(crate) head: Option<Hash>,
    /// Whether the identity still stands.
    pub(crate) active: bool,
}

/// Who holds `handle`; a handle that nobody holds is refused with [`Code::NotFound`] or [`Code::Gone`].
pub(crate) async fn lookup(handle: &Handle, abort: Option<&AbortSignal>) -> Result<Holder, Failure> {
    holder(browser::get(&format!("/v1/u/{handle}"), abort).await?)
}

/// Which handle `key` holds; [`Code::NotFound`] for none.
pub(crate) async fn lookup_key(key: KeyId) -> Result<Holder, Failure> {
    holder(browser::get(&format!("/v1/k/{}/{}", key.suite().as_str(), key.hex()), None).await?)
}

/// The signed registration of `handle`, as it was served.
pub(crate) async fn registration(handle: &Handle) -> Result<Vec<u8>, Failure> {
    let answer = browser::get(&format!("/v1/u/{handle}/registration"), None).await?;
    if answer.status == 200 { Ok(answer.body) } else { Err(refusal(&answer)) }
}

/// Asks what time the server has, and notes it.
pub(crate) async fn ask_for_the_time() {
    let Ok(answer) = browser::get_within("/v1/server", PATIENCE_MILLIS).await else { return };
    let time = object(&answer.body).and_then(|members| text(&members, "time")?.parse().ok());
    if let Some(time) = time.filter(|_| answer.status == 200) {
        browser::set_server_time(time);
    }
}

/// Why the server cannot do its work at the moment, if it says so.
pub(crate) async fn trouble() -> Option<String> {
    match refusal(&browser::get_within("/v1/readyz", PATIENCE_MILLIS).await.ok()?) {
        Failure::Refused { code: Code::Unavailable, detail, .. } => Some(detail),
        _ => None,
    }
}

/// Sends a signed registration.
pub(crate) async fn register(envelope: &[u8]) -> Result<Holder, Failure> {
    holder(browser::post_json("/v1/register", envelope).await?)
}

/// Sends a signed release.
pub(crate) async fn release(envelope: &[u8]) -> Result<(), Failure> {
    let answer = browser::post_json("/v1/release", envelope).await?;
    if answer.status == 200 { Ok(()) } else { Err(refusal(&answer)) }
}

fn holder(answer: Answer) -> Result<Holder, Failure> {
    if !matches!(answer.status, 200 | 201) {
        return Err(refusal(&answer));
    }
    let read = || {
        let members = object(&answer.body)?;
        let primary = text(&members, "primary")?.parse().ok()?;
        Some(Holder {
            handle: text(&members, "handle")?.to_owned(),
            primary,
            chain: text(&members, "chain").map_or(Some(primary), |chain| chain.parse().ok())?,
            head: text(&members, "head").and_then(|head| head.parse().ok()),
            active: members.get("active") != Some(&Json::Bool(false)),
            registered_at: text(&members, "registered_at")?.parse().ok()?,
        })
    };
    read().ok_or(Failure::Odd)
}

pub(crate) fn refusal(answer: &Answer) -> Failure {
    let read = || {
        let members = object(&answer.body)?;
        Some(Failure::Refused {
            code: Code::from_text(text(&members, "code")?)?,
            detail: shown(text(&members, "detail").unwrap_or_default()).into_owned(),
            server_time: text(&members, "server_time").and_then(|time| time.parse().ok()),
        })
    };
    // A proxy in front of the server answers for it with pages of its own.
    let by_status = match answer.status {
        429 => Some(Code::RateLimited),
        500..=599 => Some(Code::Unavailable),
        _ => None,
    };
    let unsaid = |code| Failure::Refused { code, detail: String::new(), server_time: None };
    read().or(by_status.map(unsaid)).unwrap_or(Failure::Odd)
}

pub(crate) fn object(body: &[u8]) -> Option<Object> {
    if let Ok(Json::Object(members)) = canonical::parse(body) { Some(members) } else { None }
}

pub(crate) fn text<'a>(members: &'a Object, name: &str) -> Option<&'a str> {
    if let Some(Json::String(text)) = members.get(name) { Some(text) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec(), is_whole: true }
    }

    #[test]
    fn a_problem_is_read_from_its_body_and_else_from_its_status() {
        let stale = r#"{"code":"stale_timestamp","detail":"Sign again.","server_time":"2026-05-25T03:00:00Z"}"#;
        let Failure::Refused { code, server_time, .. } = refusal(&answer(400, stale)) else {
            panic!("a refusal");
        };
        assert_eq!(code, Code::StaleTimestamp);
        assert_eq!(server_time, Some(Timestamp::from_unix(1_779_678_000)));
        let hides = r#"{"code":"gone","detail":"It was \u202e\u009bdesaeler."}"#;
        assert!(
            matches!(refusal(&answer(410, hides)), Failure::Refused { detail, .. } if detail == "It was \u{fffd}\u{fffd}desaeler.")
        );
        assert_eq!(refusal(&answer(502, "<html>")).code(), Some(Code::Unavailable));
        assert_eq!(refusal(&answer(429, "")).code(), Some(Code::RateLimited));
        assert_eq!(refusal(&answer(404, "<html>")), Failure::Odd);
        assert_eq!(refusal(&answer(400, r#"{"code":"unheard_of"}"#)), Failure::Odd);
    }

    #[test]
    fn a_holder_is_read_whole_or_not_at_all() {
        let key = "2152f8d19b791d24453242e15f2eab6cb7cffa7b6a5ed30097960e069881db12";
        let record = format!(
            r#"{{"handle":"tudisco","fqhn":"tudisco@kez.lat","primary":"ed25519:{key}","sigchain_url":"x",
            "registered_at":"2026-05-25T03:00:00Z","more":[1]}}"#
        );
        assert_eq!(holder(answer(201, &record)).map(|h| h.handle), Ok("tudisco".to_owned()));
        assert_eq!(holder(answer(200, r#"{"handle":"tudisco"}"#)), Err(Failure::Odd));
        assert_eq!(holder(answer(200, "<html>")), Err(Failure::Odd));
    }
}
