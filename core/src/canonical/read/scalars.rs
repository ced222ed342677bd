//! Values without parts: words, numbers, texts.

use std::borrow::Cow;

use super::{Reader, Syntax};
use crate::canonical::value::{Json, MAX_INTEGER};

impl<'a> Reader<'a> {
    pub(super) fn scalar(&mut self) -> Result<Json, Syntax> {
        match self.peek() {
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
            self.flaws.number.get_or_insert(start);
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

    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Syntax> {
        self.at += 1;
        let mut from = self.at;
        // What came before the last escape, if there was one.
        let mut before: Option<String> = None;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let run = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            self.at += run;
            // A run ends before an ASCII byte or at the text's end, so it is whole characters.
            let piece = &self.text[from..self.at];
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(match before {
                        None => Cow::Borrowed(piece),
                        Some(text) => Cow::Owned(text + piece),
                    });
                }
                Some(b'\\') => {
                    let text = before.get_or_insert_default();
                    text.push_str(piece);
                    text.push(self.escape()?);
                    from = self.at;
                }
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
