//! The strict reader.

mod scalars;

use std::borrow::Cow;

use super::MAX_DEPTH;
use super::value::{Json, Object};
use crate::problem::{Code, Problem};

/// Reads one document. Its values take several times the memory of its text: whoever reads what strangers send sees to
/// it that the text is small.
///
/// # Errors
/// [`Code::MalformedJson`] when the text is not I-JSON or nests too deep; only when all of it is well formed,
/// [`Code::MalformedEnvelope`] for a number or a member name that cannot be canonicalised here.
pub fn parse(text: &[u8]) -> Result<Json, Problem> {
    judged(text, usize::MAX)
}

/// Reads what may be an envelope. Of one that is too large whatever else it is, because it has more than
/// [`MAX_VALUES`], not all is kept: what is kept is too large as well.
///
/// # Errors
/// Those of [`parse`].
pub(crate) fn parse_envelope(text: &[u8]) -> Result<Json, Problem> {
    judged(text, MAX_VALUES)
}

fn judged(text: &[u8], max_values: usize) -> Result<Json, Problem> {
    let mut reader = Reader::new(utf8(text)?, max_values);
    let value = reader.document(MAX_DEPTH)?;
    let flaws = [(reader.flaws.number, BAD_NUMBER), (reader.flaws.name, BAD_NAME)];
    match flaws.into_iter().filter_map(|(at, what)| Some((at?, what))).min() {
        Some((at, what)) => Err(Problem::new(Code::MalformedEnvelope, format!("At byte {at}: {what}."))),
        None => Ok(value),
    }
}

/// Reads one document whose numbers and names the caller will judge: a number that cannot be canonicalised is read as
/// [`i64::MIN`], which none can be. Of what has more than [`MAX_VALUES`] not all is kept, as [`parse_envelope`] does.
///
/// # Errors
/// [`Code::MalformedJson`].
pub(crate) fn parse_unjudged(text: &[u8], max_depth: usize) -> Result<Json, Problem> {
    Reader::new(utf8(text)?, MAX_VALUES).document(max_depth)
}

/// The text of JSON, which is UTF-8.
///
/// # Errors
/// [`Code::MalformedJson`].
fn utf8(text: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(text).map_err(|_| Problem::new(Code::MalformedJson, "Send the JSON as UTF-8."))
}

const BAD_NUMBER: &str = "a number must be an integer within ±9007199254740991, written as digits";
const BAD_NAME: &str = "a member's name must be ASCII";

/// Values that no envelope has: n values take 2n − 1 bytes at least, and an envelope has 8,192.
pub(crate) const MAX_VALUES: usize = 4_097;
/// Levels whose members are kept beyond [`MAX_VALUES`], so that the shape of an envelope can be judged, which is the
/// earlier check: the envelope, its payload, the payload's body. They too are only kept up to twice as many values.
const SHAPE_LEVELS: usize = 3;

/// Where the first number and the first name are that JSON has, but nothing that can be signed. Reported only if all of
/// the text is well formed, because malformed JSON is the earlier check.
#[derive(Clone, Copy, Default)]
struct Flaws {
    number: Option<usize>,
    name: Option<usize>,
}

/// What makes the text no JSON, at the reader's position.
pub(crate) struct Syntax(&'static str);

/// Reads values from a text, one after the other.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    max_depth: usize,
    max_values: usize,
    /// Values that were kept.
    kept: usize,
    /// Whether something was not kept.
    is_cut: bool,
    flaws: Flaws,
}

const TOO_DEEP: Syntax = Syntax("it nests too many levels");
const TWICE: Syntax = Syntax("an object has two members of one name");

/// The names of an object whose values are not kept.
#[derive(Default)]
pub(crate) struct Names<'a> {
    plain: Vec<&'a str>,
    /// Those that were written with escapes, and so are not pieces of the text.
    escaped: Vec<String>,
}

impl<'a> Names<'a> {
    pub(crate) fn add(&mut self, name: Cow<'a, str>) {
        match name {
            Cow::Borrowed(name) => self.plain.push(name),
            Cow::Owned(name) => self.escaped.push(name),
        }
    }

    /// Refuses an object that has one of them twice, or one that is among the members that were kept.
    pub(crate) fn distinct(mut self, kept: &Object) -> Result<(), Syntax> {
        self.plain.sort_unstable();
        self.escaped.sort_unstable();
        let is_twice = self.plain.windows(2).any(|pair| pair[0] == pair[1])
            || self.escaped.windows(2).any(|pair| pair[0] == pair[1])
            || self.escaped.iter().any(|name| self.plain.binary_search(&name.as_str()).is_ok())
            || kept.keys().any(|name| {
                self.plain.binary_search(&name.as_str()).is_ok() || self.escaped.binary_search(name).is_ok()
            });
        if is_twice { Err(TWICE) } else { Ok(()) }
    }
}

/// What is done with a member of an object: with its name, and its value still to be read.
type Member<'m, 'a> = dyn FnMut(&mut Reader<'a>, Cow<'a, str>) -> Result<(), Syntax> + 'm;

impl<'a> Reader<'a> {
    /// A reader of this text, which keeps about so many values of each document and drops the rest.
    fn new(text: &'a str, max_values: usize) -> Self {
        Reader { text, at: 0, max_depth: MAX_DEPTH, max_values, kept: 0, is_cut: false, flaws: Flaws::default() }
    }

    /// A reader of a text that holds events, with so many levels around them.
    ///
    /// # Errors
    /// [`Code::MalformedJson`] when it is no text.
    pub(crate) fn around(text: &'a [u8], levels: usize) -> Result<Self, Problem> {
        let mut reader = Reader::new(utf8(text)?, MAX_VALUES);
        reader.max_depth += levels;
        Ok(reader)
    }

    fn document(&mut self, max_depth: usize) -> Result<Json, Problem> {
        self.max_depth = max_depth;
        self.whole(Reader::part)
    }

    /// Reads the whole text by `read`.
    ///
    /// # Errors
    /// [`Code::MalformedJson`].
    pub(crate) fn whole<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Syntax>) -> Result<T, Problem> {
        let read = self.white_space().and_then(|()| read(self)).and_then(|value| self.end().map(|()| value));
        read.map_err(|syntax| self.malformed(syntax))
    }

    /// Reads a value that is judged by itself, whatever stands around it.
    pub(crate) fn part(&mut self) -> Result<Json, Syntax> {
        (self.kept, self.is_cut, self.flaws) = (0, false, Flaws::default());
        let mut value = self.value(1)?;
        if self.is_cut {
            self.leave_flaws(&mut value);
        }
        Ok(value)
    }

    /// Reads a value and keeps the text alone.
    pub(crate) fn text(&mut self) -> Result<&'a str, Syntax> {
        let start = self.at;
        self.skip(1).map(|()| &self.text[start..self.at])
    }

    /// Goes on behind a bracket or a comma.
    pub(crate) fn step(&mut self) -> Result<(), Syntax> {
        self.at += 1;
        self.white_space()
    }

    /// Whether the next value begins like this.
    pub(crate) fn is_at(&self, byte: u8) -> bool {
        self.peek() == Some(byte)
    }

    fn malformed(&self, Syntax(what): Syntax) -> Problem {
        Problem::new(Code::MalformedJson, format!("The JSON is broken at byte {}: {what}.", self.at))
    }

    /// What was dropped is judged as what was kept is: by a value that is no event's, and by a name that no type has.
    fn leave_flaws(&self, value: &mut Json) {
        if self.flaws.number.is_some() {
            *value = Json::Null;
        } else if self.flaws.name.is_some()
            && let Json::Object(members) = value
        {
            members.insert('\u{fffd}'.to_string(), Json::Null);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Syntax> {
        if self.take(byte) { Ok(()) } else { Err(Syntax(what)) }
    }

    #[expect(clippy::unnecessary_wraps, reason = "reads well in chains with the steps that can fail")]
    pub(crate) fn white_space(&mut self) -> Result<(), Syntax> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Syntax> {
        self.white_space()?;
        if self.at == self.text.len() { Ok(()) } else { Err(Syntax("something follows the document")) }
    }

    fn value(&mut self, depth: usize) -> Result<Json, Syntax> {
        self.kept += 1;
        match self.peek() {
            Some(b'{' | b'[') if depth > self.max_depth => Err(TOO_DEEP),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(|text| Json::String(text.into_owned())),
            _ => self.scalar(),
        }
    }

    /// Reads a value and keeps nothing of it.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), Syntax> {
        match self.peek() {
            Some(b'{' | b'[') if depth > self.max_depth => Err(TOO_DEEP),
            Some(b'{') => {
                let mut names = Names::default();
                self.members(&mut |reader, name| {
                    names.add(name);
                    reader.skip(depth + 1)
                })?;
                names.distinct(&Object::new())
            }
            Some(b'[') => self.items(&mut |reader| reader.skip(depth + 1)),
            Some(b'"') => self.string().map(drop),
            _ => self.scalar().map(drop),
        }
    }

    /// Whether what is in an array or object of this depth is still kept.
    fn keeps(&self, depth: usize) -> bool {
        let max = if depth > SHAPE_LEVELS { self.max_values } else { self.max_values.saturating_mul(2) };
        self.kept < max
    }

    fn array(&mut self, depth: usize) -> Result<Json, Syntax> {
        let mut items = Vec::new();
        self.items(&mut |reader| {
            if reader.keeps(depth) {
                items.push(reader.value(depth + 1)?);
                return Ok(());
            }
            reader.is_cut = true;
            reader.skip(depth + 1)
        })?;
        Ok(Json::Array(items))
    }

    fn object(&mut self, depth: usize) -> Result<Json, Syntax> {
        let (mut members, mut dropped) = (Vec::new(), Names::default());
        self.members(&mut |reader, name| {
            if reader.keeps(depth) {
                members.push((name.into_owned(), reader.value(depth + 1)?));
                return Ok(());
            }
            reader.is_cut = true;
            dropped.add(name);
            reader.skip(depth + 1)
        })?;
        let members = Object::of(members).ok_or(TWICE)?;
        dropped.distinct(&members)?;
        Ok(Json::Object(members))
    }

    /// Reads an array, each item by `item`.
    pub(crate) fn items(&mut self, item: &mut dyn FnMut(&mut Self) -> Result<(), Syntax>) -> Result<(), Syntax> {
        self.list(b']', "a comma or the array's end was expected", item)
    }

    /// Reads an object, the value of each name by `member`, which sees to it that no name is there twice.
    pub(crate) fn members(&mut self, member: &mut Member<'_, 'a>) -> Result<(), Syntax> {
        self.list(b'}', "a comma or the object's end was expected", |reader| {
            if !reader.is_at(b'"') {
                return Err(Syntax("a member's name was expected"));
            }
            let start = reader.at;
            let name = reader.string()?;
            if !name.is_ascii() {
                reader.flaws.name.get_or_insert(start);
            }
            reader.white_space()?;
            reader.expect(b':', "a colon was expected")?;
            reader.white_space()?;
            member(reader, name)
        })
    }

    /// Reads what stands between brackets, with commas between its parts.
    fn list(
        &mut self,
        end: u8,
        wanted: &'static str,
        mut part: impl FnMut(&mut Self) -> Result<(), Syntax>,
    ) -> Result<(), Syntax> {
        self.step()?;
        if self.take(end) {
            return Ok(());
        }
        loop {
            self.white_space()?;
            part(self)?;
            self.white_space()?;
            if self.take(end) {
                return Ok(());
            }
            self.expect(b',', wanted)?;
        }
    }
}

#[cfg(test)]
mod tests;
