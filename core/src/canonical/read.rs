//! The strict reader.

use super::{Json, MAX_DEPTH, MAX_INTEGER, Object};
use crate::problem::{Code, Problem};

/// Reads one document.
///
/// # Errors
/// [`Code::MalformedJson`] when the text is not I-JSON or nests too deep; only when all of it is well formed,
/// [`Code::MalformedEnvelope`] for a number or a member name that cannot be canonicalised here.
pub fn parse(text: &[u8]) -> Result<Json, Problem> {
    match document(text, MAX_DEPTH)? {
        (_, Some((at, what))) => Err(Problem::new(Code::MalformedEnvelope, format!("At byte {at}: {what}."))),
        (value, None) => Ok(value),
    }
}

/// Reads one document whose numbers and names the caller will judge: a number that cannot be canonicalised is read as
/// [`i64::MIN`], which none can be.
///
/// # Errors
/// [`Code::MalformedJson`].
pub(crate) fn parse_unjudged(text: &[u8], max_depth: usize) -> Result<Json, Problem> {
    document(text, max_depth).map(|(value, _)| value)
}

/// The first number or name that is JSON, but not of the kind that can be signed, and where it begins.
type Flaw = Option<(usize, &'static str)>;

fn document(text: &[u8], max_depth: usize) -> Result<(Json, Flaw), Problem> {
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(Problem::new(Code::MalformedJson, "Send the JSON as UTF-8."));
    };
    let mut reader = Reader { text, at: 0, max_depth, flaw: None };
    let value = reader.white_space().and_then(|()| reader.value(1)).and_then(|value| reader.end().map(|()| value));
    match value {
        Ok(value) => Ok((value, reader.flaw)),
        Err(Syntax(what)) => {
            Err(Problem::new(Code::MalformedJson, format!("The JSON is broken at byte {}: {what}.", reader.at)))
        }
    }
}

/// What makes the text no JSON, at the reader's position.
struct Syntax(&'static str);

struct Reader<'a> {
    text: &'a str,
    at: usize,
    max_depth: usize,
    /// Reported only if the rest of the text is well formed, because malformed JSON is the earlier check.
    flaw: Flaw,
}

impl Reader<'_> {
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
    fn white_space(&mut self) -> Result<(), Syntax> {
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
        match self.peek() {
            Some(b'{' | b'[') if depth > self.max_depth => Err(Syntax("it nests too many levels")),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(Syntax("a value was expected")),
            None => Err(Syntax("it ends too early")),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Syntax> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Syntax("a value was expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Json, Syntax> {
        self.at += 1;
        let mut items = Vec::new();
        self.white_space()?;
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            self.white_space()?;
            items.push(self.value(depth + 1)?);
            self.white_space()?;
            if self.take(b']') {
                return Ok(Json::Array(items));
            }
            self.expect(b',', "a comma or the array's end was expected")?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, Syntax> {
        self.at += 1;
        let mut members = Vec::new();
        self.white_space()?;
        if self.take(b'}') {
            return Ok(Json::Object(Object::new()));
        }
        loop {
            self.white_space()?;
            if self.peek() != Some(b'"') {
                return Err(Syntax("a member's name was expected"));
            }
            let start = self.at;
            let name = self.string()?;
            if !name.is_ascii() {
                self.flaw.get_or_insert((start, "a member's name must be ASCII"));
            }
            self.white_space()?;
            self.expect(b':', "a colon was expected")?;
            self.white_space()?;
            members.push((name, self.value(depth + 1)?));
            self.white_space()?;
            if self.take(b'}') {
                let members = Object::of(members).ok_or(Syntax("an object has two members of one name"))?;
                return Ok(Json::Object(members));
            }
            self.expect(b',', "a comma or the object's end was expected")?;
        }
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`, of which only integers other than `-0` have a value here.
    fn number(&mut self) -> Result<Json, Syntax> {
        let start = self.at;
        let negative = self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        // Rust's integers have neither points nor exponents, so a number that has one does not parse.
        let value = match text.parse::<i64>() {
            Ok(0) if negative => None,
            Ok(value) if (-MAX_INTEGER..=MAX_INTEGER).contains(&value) => Some(value),
            _ => None,
        };
        if value.is_none() {
            self.flaw.get_or_insert((start, "a number must be an integer within ±9007199254740991, written as digits"));
        }
        Ok(Json::Integer(value.unwrap_or(i64::MIN)))
    }

    fn digits(&mut self) -> Result<(), Syntax> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(Syntax("a digit was expected"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, Syntax> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let run = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            // The run ends before an ASCII byte or at the text's end, so it is whole characters.
            out.push_str(&self.text[self.at..self.at + run]);
            self.at += run;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(Syntax("a control character in a string is not escaped")),
                None => return Err(Syntax("a string has no end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Syntax> {
        self.at += 1;
        let letter = self.peek().ok_or(Syntax("a string has no end"))?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(Syntax("an escape is unknown")),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Syntax> {
        let first = self.four_hex()?;
        let code = match first {
            0xd800..=0xdbff if self.take(b'\\') && self.take(b'u') => match self.four_hex()? {
                second @ 0xdc00..=0xdfff => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                _ => 0xd800,
            },
            other => other,
        };
        char::from_u32(code).ok_or(Syntax("a surrogate stands alone"))
    }

    fn four_hex(&mut self) -> Result<u32, Syntax> {
        let mut code = 0;
        for _ in 0..4 {
            let digit =
                self.peek().and_then(|b| char::from(b).to_digit(16)).ok_or(Syntax("\\u wants four hex digits"))?;
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}
