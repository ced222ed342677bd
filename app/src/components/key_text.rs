//! A key in groups of four digits, so that people can compare it.

use kez_core::KeyId;

/// Markup whose text content is the key id exactly: the gaps between the groups are drawn, not written.
#[must_use]
pub fn grouped(key: &KeyId) -> String {
    let hex = key.hex();
    let groups = (0..hex.len()).step_by(4).map(|at| format!("<span>{}</span>", &hex[at..at + 4]));
    let suite = key.suite().as_str();
    format!("<span class=\"key-suite\">{suite}:</span>{}", groups.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_key() {
        let key = KeyId::ed25519([0xa5; 32]);
        let text: String = grouped(&key).split('<').map(|part| part.rsplit('>').next().unwrap_or_default()).collect();
        assert_eq!(text, key.to_string());
    }
}
