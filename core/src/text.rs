//! Other people's texts where somebody reads them: what they hide is shown.

use std::borrow::Cow;

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

#[cfg(test)]
mod tests {
    use super::*;

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
        for c in '\0'..=char::MAX {
            let is_listed = class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&c));
            assert_eq!(is_hidden(c), is_listed, "U+{:04X}", u32::from(c));
        }
    }
}
