//! The order of commits: what members of a conversation ask the home server without signing for it. Adding a commit is open to
//! whoever knows what members know, reading the log to whoever knows the conversation's id.

use data_encoding::BASE64URL_NOPAD;

use crate::canonical::{Json, MAX_DEPTH, MAX_INTEGER, Object, member, object, object_to_canonical, parse_unjudged};
use crate::hash::decode_lower_hex;
use crate::problem::{Code, Problem};

/// Largest commit, in bytes.
pub const MAX_COMMIT_BYTES: usize = 64 * 1024;
/// Largest request, in bytes.
pub const MAX_BODY_BYTES: usize = 96 * 1024;
/// Most commits that an answer has.
pub const MAX_COMMITS: u64 = 100;

/// A commit that is to end an epoch.
#[derive(Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// The conversation.
    pub conversation: [u8; 16],
    /// The epoch that the commit ends.
    pub epoch: u64,
    /// What only members of that epoch know.
    pub gate: [u8; 32],
    /// SHA-256 of what only members of the next epoch know.
    pub next_gate: [u8; 32],
    /// The commit, an `MLSMessage` of 1 to [`MAX_COMMIT_BYTES`] bytes: to the server, bytes.
    pub commit: Vec<u8>,
}

impl NewCommit {
    /// Reads what somebody sent.
    ///
    /// # Errors
    /// [`Code::MalformedJson`]; [`Code::InvalidRequest`] when it has other members than these five, or of another form.
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        read(text).and_then(|members| members.ok_or_else(no_commit))
    }

    /// The request's body.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        object_to_canonical(&object([
            member("conversation", const_hex::encode(self.conversation)),
            ("epoch".to_owned(), integer(self.epoch)),
            member("gate", const_hex::encode(self.gate)),
            member("next_gate", const_hex::encode(self.next_gate)),
            member("commit", BASE64URL_NOPAD.encode_display(&self.commit)),
        ]))
    }

    fn take(mut members: Object) -> Option<Self> {
        let commit = NewCommit {
            conversation: hex(members.remove("conversation")?)?,
            epoch: number(&members.remove("epoch")?)?,
            gate: hex(members.remove("gate")?)?,
            next_gate: hex(members.remove("next_gate")?)?,
            commit: bytes(members.remove("commit")?)?,
        };
        members.is_empty().then_some(commit)
    }
}

/// Which part of a conversation's log is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LogPart {
    /// The conversation.
    pub conversation: [u8; 16],
    /// Commits that ended later epochs than this one.
    pub after: u64,
    /// So many at most, 1 to [`MAX_COMMITS`].
    pub limit: u64,
}

impl LogPart {
    /// Reads what somebody sent, who may leave out all but the conversation.
    ///
    /// # Errors
    /// [`Code::MalformedJson`]; [`Code::InvalidRequest`] when it has other members, or of another form.
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        read(text).and_then(|members| members.ok_or_else(no_part))
    }

    /// The request's body.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        object_to_canonical(&object([
            member("conversation", const_hex::encode(self.conversation)),
            ("after".to_owned(), integer(self.after)),
            ("limit".to_owned(), integer(self.limit)),
        ]))
    }

    fn take(mut members: Object) -> Option<Self> {
        let mut count = |name: &str, otherwise| members.remove(name).map_or(Some(otherwise), |value| number(&value));
        let (after, limit) = (count("after", 0)?, count("limit", MAX_COMMITS)?);
        let conversation = hex(members.remove("conversation")?)?;
        let is_one = members.is_empty() && (1..=MAX_COMMITS).contains(&limit);
        is_one.then_some(LogPart { conversation, after, limit })
    }
}

/// What is read out of a request's members; none when they are others.
trait Request: Sized {
    fn of(members: Object) -> Option<Self>;
}

impl Request for NewCommit {
    fn of(members: Object) -> Option<Self> {
        NewCommit::take(members)
    }
}

impl Request for LogPart {
    fn of(members: Object) -> Option<Self> {
        LogPart::take(members)
    }
}

fn read<R: Request>(text: &[u8]) -> Result<Option<R>, Problem> {
    match parse_unjudged(text, MAX_DEPTH)? {
        Json::Object(members) => Ok(R::of(members)),
        _ => Ok(None),
    }
}

fn text(value: Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text),
        _ => None,
    }
}

fn hex<const N: usize>(value: Json) -> Option<[u8; N]> {
    decode_lower_hex(&text(value)?)
}

fn number(value: &Json) -> Option<u64> {
    match value {
        Json::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn integer(number: u64) -> Json {
    Json::Integer(i64::try_from(number).unwrap_or(MAX_INTEGER))
}

fn bytes(value: Json) -> Option<Vec<u8>> {
    let bytes = BASE64URL_NOPAD.decode(text(value)?.as_bytes()).ok()?;
    (1..=MAX_COMMIT_BYTES).contains(&bytes.len()).then_some(bytes)
}

fn no_commit() -> Problem {
    let detail = "A commit has `conversation` (32 lower-case hex digits), `epoch`, `gate` and `next_gate` (64 each) and `commit` \
                  (1 to 65536 bytes in base64url without padding).";
    Problem::new(Code::InvalidRequest, detail)
}

fn no_part() -> Problem {
    let detail =
        "Name a `conversation` (32 lower-case hex digits), and perhaps `after` (0 or more) and `limit` (1 to 100).";
    Problem::new(Code::InvalidRequest, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c";

    fn commit(length: usize) -> NewCommit {
        let commit = vec![7; length];
        NewCommit { conversation: [12; 16], epoch: 3, gate: [1; 32], next_gate: [2; 32], commit }
    }

    fn refused(text: &str) -> Option<Code> {
        NewCommit::parse(text.as_bytes()).err().map(|problem| problem.code)
    }

    #[test]
    fn commits_are_read_as_they_were_written() {
        for length in [1, 2, 3, 4, 65_536] {
            let written = commit(length);
            assert!(NewCommit::parse(&written.to_json()).is_ok_and(|read| read == written), "{length}");
            assert!(written.to_json().len() < MAX_BODY_BYTES);
        }
        for length in [0, 65_537] {
            let code = NewCommit::parse(&commit(length).to_json()).err().map(|problem| problem.code);
            assert_eq!(code, Some(Code::InvalidRequest), "{length}");
        }
        let last = NewCommit { epoch: MAX_INTEGER.unsigned_abs(), ..commit(1) };
        assert!(NewCommit::parse(&last.to_json()).is_ok_and(|read| read == last));
    }

    #[test]
    fn commits_of_another_form_are_refused() {
        let good = String::from_utf8(commit(4).to_json()).expect("JSON is UTF-8");
        assert_eq!(refused(&good), None);
        assert_eq!(refused(&good.replacen('{', " {\n ", 1)), None);
        let gate = "01".repeat(32);
        for (from, to) in [
            ("}", ",\"more\":1}"),
            ("\"epoch\":3,", ""),
            ("\"epoch\":3", "\"epoch\":-1"),
            ("\"epoch\":3", "\"epoch\":3.0"),
            ("\"epoch\":3", "\"epoch\":3e0"),
            ("\"epoch\":3", "\"epoch\":9007199254740992"),
            ("\"epoch\":3", "\"epoch\":\"3\""),
            ("\"epoch\":3", "\"epoch\":null"),
            (ID, "0c"),
            (ID, "0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C0C"),
            (&*gate, &gate[1..]),
            (&*gate, &*format!("{gate}01")),
            (&*gate, &*gate.replace("01", "0A")),
            (&*gate, &*format!("sha256:{gate}")),
            ("BwcHBw", "BwcHBw=="),
            ("BwcHBw", "BwcHBx"),
            ("BwcHBw", "BwcHB"),
            ("BwcHBw", "Bwc+Bw"),
            ("BwcHBw", "Bwc Bw"),
            ("\"BwcHBw\"", "[7]"),
            ("\"BwcHBw\"", "null"),
        ] {
            assert!(good.contains(from), "{from}");
            assert_eq!(refused(&good.replacen(from, to, 1)), Some(Code::InvalidRequest), "{from} {to}");
        }
        assert_eq!(refused("[]"), Some(Code::InvalidRequest));
        assert_eq!(refused("{}"), Some(Code::InvalidRequest));
        for broken in ["", "{", &good[1..], &format!("{good}{good}"), &good.replace("\"epoch\"", "\"gate\"")] {
            assert_eq!(refused(broken), Some(Code::MalformedJson), "{broken}");
        }
    }

    #[test]
    fn parts_have_what_is_left_out() {
        let read = |text: &str| {
            let part = LogPart::parse(text.as_bytes());
            part.map(|part| (part.after, part.limit)).map_err(|problem| problem.code)
        };
        let with = |rest: &str| read(&format!("{{\"conversation\":\"{ID}\"{rest}}}"));
        assert_eq!(with(""), Ok((0, 100)));
        assert_eq!(with(",\"after\":7"), Ok((7, 100)));
        assert_eq!(with(",\"limit\":1"), Ok((0, 1)));
        assert_eq!(with(",\"limit\":100,\"after\":0"), Ok((0, 100)));
        let part = LogPart { conversation: [12; 16], after: 5, limit: 6 };
        assert!(LogPart::parse(&part.to_json()).is_ok_and(|read| read == part));
        for bad in [
            ",\"limit\":0",
            ",\"limit\":101",
            ",\"limit\":null",
            ",\"limit\":\"1\"",
            ",\"after\":-1",
            ",\"after\":null",
            ",\"after\":1.5",
            ",\"before\":1",
        ] {
            assert_eq!(with(bad), Err(Code::InvalidRequest), "{bad}");
        }
        assert_eq!(read("{}"), Err(Code::InvalidRequest));
        assert_eq!(read("{\"conversation\":\"0c\"}"), Err(Code::InvalidRequest));
        assert_eq!(read("nonsense"), Err(Code::MalformedJson));
    }
}
