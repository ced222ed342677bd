//! Pieces of markup. What comes from somebody else's chain is text, whatever it is made of.

use kez_core::KeyId;

use crate::components::{grouped, picture};

/// `text`, for use in markup.
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
    use super::escape;

    #[test]
    fn markup_in_a_text_stays_text() {
        assert_eq!(escape("<a href='x' id=\"y\">&"), "&lt;a href=&#39;x&#39; id=&quot;y&quot;&gt;&amp;");
        assert_eq!(escape("müller.example"), "müller.example");
    }
}
