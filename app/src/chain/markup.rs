//! Pieces of markup. What comes from somebody else's chain is text, whatever it is made of.

use kez_core::KeyId;
use kez_core::text::shown;

pub(super) use crate::components::escape;
use crate::components::{grouped, picture};

/// Somebody else's words: text that hides nothing, and whose direction is its own business.
pub(super) fn theirs(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(&shown(text)))
}

/// The same as a quotation, where it could be taken for a word of this page.
pub(super) fn quoted(text: &str) -> String {
    format!("<q class=\"theirs\">{}</q>", theirs(text))
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
    use super::{quoted, theirs};

    #[test]
    fn markup_in_a_text_stays_text() {
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
