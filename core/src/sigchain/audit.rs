//! Audit logs: every event that a server ever accepted, in order, each with the time at which it was received.

use std::fmt;

use super::Reason;
use super::chain::Chain;
use super::event::Unverified;
use crate::canonical::{Json, Names, Object, Reader, Syntax};
use crate::key::KeyId;
use crate::problem::{Code, Problem};
use crate::time::Timestamp;

/// Levels that stand around an event in an audit object: the object, its entries, the entry.
const LEVELS_AROUND: usize = 3;

/// One entry of an audit log, as it was sent.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The event.
    pub event: Json,
    /// When it was received; none if that is no time.
    pub received_at: Option<Timestamp>,
}

/// An audit log as it was sent. Its text was read whole and found to be JSON; its entries are read when they are wanted,
/// one at a time, so that a log takes little more memory than its text.
#[derive(Clone)]
pub struct Audit<'a> {
    /// Whose chain it is said to be.
    pub chain: String,
    entries: Entries<'a>,
}

/// The entries of an [`Audit`], the oldest first.
#[derive(Clone)]
pub struct Entries<'a> {
    /// Stands at the bracket or the comma before the next one.
    reader: Reader<'a>,
    left: usize,
}

/// An entry and what a server says about it.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// The entry.
    pub entry: Entry,
    /// Its receipt's text, which nobody has looked at, where it has one.
    pub receipt: Option<&'a [u8]>,
}

/// The first entry that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index}: {reason}")]
pub struct Failure {
    /// Its place in the log; the first is 0.
    pub index: usize,
    /// Why.
    pub reason: Reason,
}

/// Replays an audit log. The chain that comes out has the state, the head and the ids of displaced events.
///
/// # Errors
/// The first entry that fails, with the first check that it fails. An empty log is [`Reason::BadGenesis`].
pub fn verify(chain: KeyId, entries: impl IntoIterator<Item = Entry>) -> Result<Chain, Failure> {
    let mut chain = Chain::new(chain);
    for (index, entry) in entries.into_iter().enumerate() {
        chain.replay(entry).map_err(|reason| Failure { index, reason })?;
    }
    if chain.head().is_none() {
        return Err(Failure { index: 0, reason: Reason::BadGenesis });
    }
    Ok(chain)
}

impl Chain {
    /// Judges the next entry of an audit log and adds it: [`verify`] for who has to stop in between.
    ///
    /// # Errors
    /// The first check that it fails. Nothing changes then.
    pub fn replay(&mut self, entry: Entry) -> Result<(), Reason> {
        let event = self.authenticate(Unverified::read(entry.event)?)?;
        let step = self.judge(event, entry.received_at.ok_or(Reason::BadReceivedAt)?)?;
        self.commit(step);
        Ok(())
    }
}

impl<'a> Audit<'a> {
    /// Reads an audit object, `{"chain", "entries": [{"event", "received_at", …}]}`. Events are judged later, each by
    /// its own checks; other members are nobody's business here.
    ///
    /// # Errors
    /// [`Code::MalformedJson`]; [`Code::MalformedEnvelope`] when it is JSON, but no such object.
    pub fn parse(text: &'a [u8]) -> Result<Self, Problem> {
        let mut found = (None, None);
        Reader::around(text, LEVELS_AROUND)?.whole(|reader| find(reader, &mut found))?;
        match found {
            (Some(chain), Some(entries)) => Ok(Audit { chain, entries }),
            _ => Err(Problem::new(Code::MalformedEnvelope, "An audit log is an object with `chain` and `entries`.")),
        }
    }

    /// How many entries it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.left
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.left == 0
    }

    /// The entries, the oldest first.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        self.entries.clone()
    }

    /// Replays the log, as [`verify`].
    ///
    /// # Errors
    /// As [`verify`]; a `chain` that is no key's id is the first entry's [`Reason::BadKeyEncoding`].
    pub fn verify(self) -> Result<Chain, Failure> {
        match self.chain.parse() {
            Ok(chain) => verify(chain, self.entries.map(|received| received.entry)),
            Err(_) => Err(Failure { index: 0, reason: Reason::BadKeyEncoding }),
        }
    }
}

impl fmt::Debug for Audit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audit({}, {} entries)", self.chain, self.len())
    }
}

/// Reads the whole object, and finds `chain` and `entries` where they are what they should be.
fn find<'a>(
    reader: &mut Reader<'a>,
    (chain, entries): &mut (Option<String>, Option<Entries<'a>>),
) -> Result<(), Syntax> {
    if !reader.is_at(b'{') {
        return reader.skip(1);
    }
    let mut names = Names::default();
    reader.members(&mut |reader, name| {
        match &*name {
            "chain" if reader.is_at(b'"') => *chain = Some(reader.string()?.into_owned()),
            "entries" if reader.is_at(b'[') => {
                let mut found = Entries { reader: reader.clone(), left: 0 };
                reader.items(&mut |reader| {
                    found.left += 1;
                    reader.skip(LEVELS_AROUND)
                })?;
                *entries = Some(found);
            }
            _ => reader.skip(2)?,
        }
        names.add(name);
        Ok(())
    })?;
    names.distinct(&Object::new())
}

impl<'a> Iterator for Entries<'a> {
    type Item = Received<'a>;

    fn next(&mut self) -> Option<Received<'a>> {
        self.left = self.left.checked_sub(1)?;
        let mut received = Received { entry: Entry { event: Json::Null, received_at: None }, receipt: None };
        // The text was read before and is JSON; an entry that is none would have no event, which its own check refuses.
        if self.read(&mut received).is_err() {
            received.entry.event = Json::Null;
        }
        Some(received)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Entries<'_> {}

impl<'a> Entries<'a> {
    fn read(&mut self, received: &mut Received<'a>) -> Result<(), Syntax> {
        self.reader.step()?;
        if self.reader.is_at(b'{') {
            self.reader.members(&mut |reader, name| {
                match &*name {
                    "event" => received.entry.event = reader.part()?,
                    "received_at" if reader.is_at(b'"') => received.entry.received_at = reader.string()?.parse().ok(),
                    "receipt" => received.receipt = Some(reader.text()?.as_bytes()),
                    _ => reader.skip(1)?,
                }
                Ok(())
            })?;
        } else {
            // No event, which the entry's own check will say.
            self.reader.skip(1)?;
        }
        self.reader.white_space()
    }
}
