//! Pieces of markup. What comes from somebody else's chain is text, whatever it is made of.

use kez_core::KeyId;
use kez_core::text::shown;

use crate::components::{grouped, picture};

/// Somebody else's words: text that hides nothing, and whose direction is its own business.
pub(super) fn theirs(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(&shown(text)))
}

/// The same as a quotation, where it could be taken for a word of this page.
pub(super) fn quoted(text: &str) -> String {
    format!("<q class=\"theirs\">{}</q>", theirs(text))
}

/// `text`, for use in an attribute, or of this program's own in markup.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A key with its picture, for comparing.
pub(super) fn key(key: &KeyId) -> String {
    format!(
        "<div class=\"step-key\"><span>{}</span><code class=\"key\" translate=\"no\">{}</code></div>",
        picture(key),
        grouped(key)
    )
}

/// A button that says what it does to its section's listener.
pub(super) fn button(class: &str, does: &str, about: &str, says: &str) -> String {
    format!("<button type=\"button\" class=\"{class}\" data-do=\"{does}\" data-about=\"{about}\">{says}</button>")
}

#[cfg(test)]
mod tests {
    use super::{escape, quoted, theirs};

    #[test]
    fn markup_in_a_text_stays_text() {
        assert_eq!(escape("<a href='x' id=\"y\">&"), "&lt;a href=&#39;x&#39; id=&quot;y&quot;&gt;&amp;");
        assert_eq!(escape("müller.example"), "müller.example");
        assert_eq!(theirs("</bdi><b>"), "<bdi>&lt;/bdi&gt;&lt;b&gt;</bdi>");
    }

    #[test]
    fn somebody_elses_words_turn_nothing_around_and_hide_nothing() {
        assert_eq!(theirs("שלום"), "<bdi>שלום</bdi>");
        // An end of the isolation, and a new direction.
        assert_eq!(theirs("a\u{2069}\u{202e}b\u{9b}"), "<bdi>a\u{fffd}\u{fffd}b\u{fffd}</bdi>");
        assert_eq!(quoted("Verified"), "<q class=\"theirs\"><bdi>Verified</bdi></q>");
    }
}
