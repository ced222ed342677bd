//! Texts from elsewhere: the bytes of files as the text that they are, and other people's words where somebody reads them.

use std::borrow::Cow;

use zeroize::Zeroizing;

/// Ranges of characters that draw nothing of their own, or change how those around them are drawn: Unicode's general
/// categories Cc, Cf, Co, Zl and Zp, and the property Default_Ignorable_Code_Point.
#[rustfmt::skip]
const HIDDEN: [(u32, u32); 31] = [
    (0x0000, 0x001F), (0x007F, 0x009F), (0x00AD, 0x00AD), (0x034F, 0x034F), (0x0600, 0x0605), (0x061C, 0x061C),
    (0x06DD, 0x06DD), (0x070F, 0x070F), (0x0890, 0x0891), (0x08E2, 0x08E2), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xE000, 0xF8FF),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD),
    (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF), (0xF0000, 0x10FFFF),
    // Noncharacters; the others end each plane.
    (0xFDD0, 0xFDEF), (0xFFFE, 0xFFFF),
];

/// Whether a character draws nothing of its own, or changes how those around it are drawn: controls, format characters,
/// marks of direction, separators of lines, what has no agreed meaning. Spaces are not hidden.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    let c = u32::from(c);
    // Most characters are ASCII.
    !(0x20..0x7F).contains(&c)
        && (c & 0xFFFE == 0xFFFE || HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&c)))
}

/// The text with each hidden character shown as U+FFFD: it reads in one direction as far as its letters do, and ends
/// where it ends. Line feeds and tabs go as well.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.contains(is_hidden) { Cow::Owned(text.replace(is_hidden, "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// How two bytes make a unit of UTF-16.
type Unit = fn([u8; 2]) -> u16;

/// The text of a file that an editor or a shell may have written in its own way: UTF-8 with or without a byte order mark, or
/// UTF-16 with one, or without it where the first character shows which (RFC 4627 section 3). The mark is not part of the
/// text, which is wiped when dropped. None for what is no text.
#[must_use]
pub fn decode(file: &[u8]) -> Option<Zeroizing<String>> {
    let (bytes, unit): (&[u8], Option<Unit>) = match file {
        [0xEF, 0xBB, 0xBF, rest @ ..] => (rest, None),
        [0xFF, 0xFE, rest @ ..] => (rest, Some(u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => (rest, Some(u16::from_be_bytes)),
        [1..=0xFF, 0, ..] => (file, Some(u16::from_le_bytes)),
        [0, 1..=0xFF, ..] => (file, Some(u16::from_be_bytes)),
        _ => (file, None),
    };
    let Some(unit) = unit else {
        return std::str::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.to_owned()));
    };
    let (units, []) = bytes.as_chunks::<2>() else { return None };
    // Two bytes become three at most; a text that grew would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() / 2 * 3));
    for c in char::decode_utf16(units.iter().map(|bytes| unit(*bytes))) {
        text.push(c.ok()?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_however_they_were_saved() {
        let text = "zoo müller 🙂\r\n";
        let units = || text.encode_utf16();
        let (le, be): (Vec<u8>, Vec<u8>) =
            (units().flat_map(u16::to_le_bytes).collect(), units().flat_map(u16::to_be_bytes).collect());
        for file in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [&b"\xff\xfe"[..], &le].concat(),
            [&b"\xfe\xff"[..], &be].concat(),
            le.clone(),
            be,
        ] {
            assert_eq!(decode(&file).as_deref().map(String::as_str), Some(text), "{file:x?}");
        }
        assert_eq!(decode(b"").as_deref().map(String::as_str), Some(""));
        for file in [&b"\xff"[..], &le[..3], b"\xff\xfe\x00\xd8", b"z\xfc"] {
            assert!(decode(file).is_none(), "{file:x?}");
        }
    }

    #[test]
    fn what_is_hidden_is_shown_and_the_rest_stays() {
        for (text, seen) in [
            ("alice@kez.example", "alice@kez.example"),
            ("müller 名前 नाम שם\u{A0}🙂", "müller 名前 नाम שם\u{A0}🙂"),
            ("\u{1b}[31mred", "\u{FFFD}[31mred"),
            ("a\u{9b}31m\u{7f}", "a\u{FFFD}31m\u{FFFD}"),
            ("\u{202e}elpmaxe\u{2069}\n", "\u{FFFD}elpmaxe\u{FFFD}\u{FFFD}"),
            ("a\u{ad}\u{200b}\u{fe0f}\u{e0061}\u{10ffff}", "a\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
        ] {
            assert_eq!(shown(text), seen);
        }
    }

    /// The ranges, held against the tables of Unicode.
    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn hidden_are_all_that_unicode_calls_so() {
        use regex_syntax::hir::{Class, HirKind};

        let by_unicode = r"[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\p{Default_Ignorable_Code_Point}]";
        let class = regex_syntax::parse(by_unicode).expect("a class");
        let HirKind::Class(Class::Unicode(class)) = class.kind() else { panic!("a class of characters") };
        let mut listed = class.ranges().iter().flat_map(|range| range.start()..=range.end()).peekable();
        for c in '\0'..=char::MAX {
            let is_listed = listed.next_if_eq(&c).is_some();
            assert_eq!(is_hidden(c), is_listed, "U+{:04X}", u32::from(c));
        }
    }
}
