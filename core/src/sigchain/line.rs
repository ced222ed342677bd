//! One line of a server's log of all chains: an entry, whose it is, and its number.

use super::audit::Entry;
use crate::canonical::{Json, Names, Object, Reader, Syntax};
use crate::key::KeyId;
use crate::time::Timestamp;

/// A line as it was sent: `{"log_index", "chain", "event", "received_at"}`.
#[derive(Clone, Debug)]
pub struct Line {
    /// The entry's number in the log; the first is 1.
    pub log_index: u64,
    /// Whose chain it is said to be.
    pub chain: KeyId,
    /// The entry, which nobody has judged.
    pub entry: Entry,
}

impl Line {
    /// Whether the event says that it begins its chain.
    #[must_use]
    pub fn begins(&self) -> bool {
        let Json::Object(event) = &self.entry.event else { return false };
        let Some(Json::Object(payload)) = event.get("payload") else { return false };
        payload.get("seq") == Some(&Json::Integer(1))
    }

    /// Reads a line. Other members are nobody's business here.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Line> {
        let mut found = Found::default();
        // Levels are counted for the event by itself, and not for the line around it.
        Reader::around(text, 0).ok()?.whole(|reader| found.read(reader)).ok()?;
        let Some(Json::Integer(log_index)) = found.log_index else { return None };
        Some(Line {
            log_index: u64::try_from(log_index).ok()?,
            chain: found.chain?.parse().ok()?,
            entry: Entry { event: found.event?, received_at: found.received_at },
        })
    }
}

/// The members of a line, as far as they were found.
#[derive(Default)]
struct Found {
    log_index: Option<Json>,
    chain: Option<String>,
    event: Option<Json>,
    received_at: Option<Timestamp>,
}

impl Found {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Syntax> {
        if !reader.is_at(b'{') {
            return reader.skip(1);
        }
        let mut names = Names::default();
        reader.members(&mut |reader, name| {
            match &*name {
                "log_index" => self.log_index = Some(reader.part()?),
                "event" => self.event = Some(reader.part()?),
                "chain" if reader.is_at(b'"') => self.chain = Some(reader.string()?.into_owned()),
                "received_at" if reader.is_at(b'"') => self.received_at = reader.string()?.parse().ok(),
                _ => reader.skip(2)?,
            }
            names.add(name);
            Ok(())
        })?;
        names.distinct(&Object::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;

    #[test]
    fn an_event_is_read_as_it_is_by_itself() {
        let chain = SigningKey::from_seed(&[1; 32]).id();
        let line = |event: &str| format!("{{\"log_index\":7,\"chain\":\"{chain}\",\"event\":{event},\"note\":[1.5]}}");
        let parse = |text: String| Line::parse(text.as_bytes());
        let read = parse(line("[0]")).expect("a line");
        assert_eq!((read.log_index, read.chain, read.entry.received_at), (7, chain, None));
        // As many values, and as many levels, as an event can have.
        let full = format!("[{}]", vec!["0"; 4_095].join(","));
        assert_eq!(parse(line(&full)).expect("a line").entry.event.to_canonical(), full.as_bytes());
        let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(line(&nested(16))).is_some() && parse(line(&nested(17))).is_none());
        for bad in [
            "[]".to_owned(),
            line("[0"),
            line("0,\"event\":0"),
            line("0").replace("7", "-7"),
            line("0").replace("7", "\"7\""),
            line("0").replace("\"event\"", "\"events\""),
            line("0").replace("ed25519", "none"),
        ] {
            assert!(Line::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
