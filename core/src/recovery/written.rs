//! Words as people carry them: in a file of ours, in a list with numbers, in a mail, on a phone.

use zeroize::Zeroizing;

use crate::text::is_hidden;

/// How many words a recovery key has.
pub const WORDS: usize = 24;

/// How the first line of a sheet begins, and how what is above its words ends. None of the words that tell them apart are
/// in the list.
const BEGINS: [&str; 3] = ["recovery", "words", "of"];
const ENDS: &str = "itself";

/// A sheet of these words, six a line, for keeping. With `of`, an identity's full name and what else is to be said of
/// them, it says whose they are and what they are good for.
#[must_use]
pub fn sheet(words: &str, of: Option<&str>) -> Zeroizing<String> {
    let above = of.map_or_else(String::new, |of| {
        format!(
            "Recovery words of {of}\n\nWhoever has them has the identity. Keep this where no computer reads it by itself.\n\n"
        )
    });
    // A text that grew would leave copies behind.
    let mut sheet = Zeroizing::new(String::with_capacity(above.len() + words.len() + 1));
    sheet.push_str(&above);
    for (n, word) in words.split(' ').enumerate() {
        sheet.push_str(word);
        sheet.push(if n % 6 == 5 { '\n' } else { ' ' });
    }
    sheet
}

/// Whether what was typed is this word, in any case, with its number and with whatever else is beside it.
#[must_use]
pub fn is_word(typed: &str, word: &str) -> bool {
    let letters = letters_of(typed);
    let mut words = letters.split_ascii_whitespace();
    words.next() == Some(word) && words.next().is_none()
}

/// The words of a text in lower case, with spaces between them: runs of ASCII letters. What hides itself, as a soft hyphen
/// does, parts no word; everything else does. What stands above the words of a sheet is none of them.
pub(super) fn words_of(text: &str) -> Zeroizing<String> {
    let letters = letters_of(text);
    let all = || letters.split_ascii_whitespace();
    let above = if all().zip(BEGINS).filter(|(word, begins)| word == begins).count() == BEGINS.len() {
        let end = all().position(|word| word == ENDS).map(|end| end + 1);
        end.unwrap_or_else(|| all().count().saturating_sub(WORDS))
    } else {
        0
    };
    let mut words = Zeroizing::new(String::with_capacity(letters.len()));
    for word in all().skip(above) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words
}

fn letters_of(text: &str) -> Zeroizing<String> {
    let mut letters = Zeroizing::new(String::with_capacity(text.len()));
    for c in text.chars() {
        if c.is_ascii_alphabetic() {
            letters.push(c.to_ascii_lowercase());
        } else if c.is_whitespace() || !is_hidden(c) {
            letters.push(' ');
        }
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::super::{NotAKey, Words};
    use super::*;
    use crate::key::SigningKey;

    /// A list with numbers before the words: `1. word`, and so on.
    fn numbered(words: &str, number: impl Fn(usize) -> String, end: &str) -> String {
        words.split(' ').enumerate().map(|(n, word)| format!("{}{word}{end}", number(n + 1))).collect()
    }

    #[test]
    fn words_are_read_however_they_are_carried() {
        let key = SigningKey::from_seed(&[9; 32]);
        let words = Words::english().of(&key);
        let crowded = |between: &str| words.replace(' ', between);
        let hyphenated: String = words.split(' ').map(|word| format!("{}\u{ad}{} ", &word[..2], &word[2..])).collect();
        for carried in [
            sheet(&words, None).to_string(),
            sheet(&words, Some("anna@kez.example")).to_string(),
            sheet(&words, Some("anna@kez.example")).replace('\n', "\r\n"),
            sheet(&words, Some("anna@kez.example, made on 30 November 2026\nActive: with these words it is got back."))
                .to_string(),
            // A chat that makes one line of everything, and a mail that quotes.
            sheet(&words, Some("anna@kez.example")).replace('\n', " "),
            format!("> {}", sheet(&words, Some("anna@kez.example:8443")).replace('\n', "\n> ")),
            numbered(&words, |n| format!("{n}. "), "\n"),
            numbered(&words, |n| format!("{n}) "), " "),
            numbered(&words, |n| format!("{n:02}:\t"), "\r\n"),
            numbered(&words, |n| format!("{n}"), " "),
            numbered(&words, |_| "- [ ] ".to_owned(), "\n"),
            numbered(&words, |_| "\u{2022}\u{a0}".to_owned(), "\u{2028}"),
            numbered(
                &words,
                |n| u32::try_from(n).ok().and_then(|n| char::from_u32(0x245F + n)).into_iter().collect(),
                " ",
            ),
            crowded(", "),
            crowded(","),
            crowded("\u{3000}"),
            crowded(" \u{200b}"),
            format!("\u{201c}{}\u{201d}.", crowded("\u{201d}, \u{201c}")),
            format!("\u{feff}{}\u{feff}\0", *words),
            format!("['{}']", crowded("', '")),
            hyphenated,
            words.to_uppercase(),
        ] {
            assert_eq!(Words::english().key(&carried).map(|key| key.id()), Ok(key.id()), "{carried}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        let key = SigningKey::from_seed(&[9; 32]);
        let words = Words::english().of(&key);
        let read = |text: &str| Words::english().key(text).map(|key| key.id());
        assert_eq!(read(&format!("{} zoo", *words)), Err(NotAKey::Count(25)));
        assert_eq!(read(&format!("my words: {}", *words)), Err(NotAKey::Count(26)));
        let sheet = sheet(&words, Some("anna@kez.example"));
        let cut = &sheet[..sheet.trim_end().rfind(' ').expect("words")];
        assert_eq!(read(cut), Err(NotAKey::Count(23)));
        assert_eq!(read(&sheet.replacen(words.split(' ').next().expect("a word"), "kez", 1)), Err(NotAKey::Unknown(1)));
        let (first, rest) = words.split_once(' ').expect("words");
        assert_eq!(read(&format!("{}\u{a0}{} {rest}", &first[..2], &first[2..])), Err(NotAKey::Count(25)));
    }

    #[test]
    fn one_word_is_read_with_its_number() {
        for typed in ["zoo", " Zoo\t", "24. zoo", "24) zoo,", "\u{feff}zoo\u{200b}", "“zoo”"] {
            assert!(is_word(typed, "zoo"), "{typed:?}");
        }
        for typed in ["", "zo o", "zoo zoo", "zone", "zoó"] {
            assert!(!is_word(typed, "zoo"), "{typed:?}");
        }
    }
}
