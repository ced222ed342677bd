//! Somebody else's words inside a sentence of ours.

use kez_core::text::shown;

/// Longest quotation, in characters: more than any name has.
const MAX: usize = 253;

/// The words in quotation marks, cut where they are too long, hiding nothing. U+2068 and U+2069 around them do in a text
/// what `<bdi>` does in markup: their direction is their own business.
pub(crate) fn quoted(words: &str) -> String {
    let end = words.char_indices().nth(MAX).map(|(end, _)| end);
    let (words, more) = end.map_or((words, ""), |end| (&words[..end], "…"));
    format!("“\u{2068}{}{more}\u{2069}”", shown(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_ends_where_it_ends() {
        assert_eq!(quoted("mallory"), "“\u{2068}mallory\u{2069}”");
        assert_eq!(quoted("a\u{2069}\u{202e}b"), "“\u{2068}a\u{fffd}\u{fffd}b\u{2069}”");
        assert_eq!(quoted(&"é".repeat(300)).chars().filter(|c| *c == 'é').count(), MAX);
        assert!(quoted(&"é".repeat(254)).ends_with("é…\u{2069}”"));
    }
}
