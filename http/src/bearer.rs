//! Bearer tokens (RFC 6750): what a client sends, and the secret that it has to be.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Fewest characters of a token: 16 of a random base 64 are 96 bits.
const MIN_CHARACTERS: usize = 16;

/// What a client sends as `Authorization: Bearer` (section 2.1); empty when there is none. The scheme's case does not
/// matter (RFC 9110 section 11.1).
#[must_use]
pub fn sent(headers: &HeaderMap) -> &[u8] {
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    match given.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
        _ => &[],
    }
}

/// The text of a token as it was configured: never shown, and judged only after parsing, because a command line's parser
/// repeats what it refuses.
#[derive(Clone)]
pub struct Given(Arc<Zeroizing<String>>);

/// A token that can be sent, and is too long to be guessed. Shared and never copied; wiped when the last holder is gone.
#[derive(Clone)]
pub struct Token(Arc<Zeroizing<String>>);

impl FromStr for Given {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Given(Arc::new(Zeroizing::new(text.to_owned()))))
    }
}

impl Given {
    /// The token.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn read(&self) -> Result<Token, &'static str> {
        let text = self.0.as_str();
        if text.len() < MIN_CHARACTERS {
            return Err("a token has at least 16 characters");
        }
        if text.trim_ascii() != text || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err("a token is printable ASCII, with no space around it");
        }
        Ok(Token(self.0.clone()))
    }
}

impl Token {
    /// Whether a client [`sent`] this token; takes the same time wherever the two differ.
    #[must_use]
    pub fn is_sent(&self, headers: &HeaderMap) -> bool {
        self.0.as_bytes().ct_eq(sent(headers)).into()
    }

    /// The `Authorization` header's value that sends this token.
    #[must_use]
    pub fn header(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", self.0.as_str()))
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef";

    fn read(text: &str) -> Result<Token, &'static str> {
        text.parse::<Given>().expect("any text").read()
    }

    #[test]
    fn a_token_is_long_and_can_be_sent() {
        for bad in
            ["", "0123456789abcde", " 0123456789abcdef", "0123456789abcdef\n", "0123456789\tabcdef", "€€€€€€€€€€€€€€€€"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        let token = read(TEXT).expect("a token");
        assert_eq!(format!("{token:?}"), "(secret)");
        assert_eq!(token.header().as_str(), format!("Bearer {TEXT}"));
    }

    #[test]
    fn what_is_sent_is_compared_whole() {
        let token = read(TEXT).expect("a token");
        let is_sent = |value: &str| {
            let value = HeaderValue::from_str(value).expect("a value");
            token.is_sent(&[(AUTHORIZATION, value)].into_iter().collect())
        };
        for good in ["Bearer 0123456789abcdef", "bearer  0123456789abcdef "] {
            assert!(is_sent(good), "{good}");
        }
        for bad in ["Bearer 0123456789abcde", "Bearer 0123456789abcdefg", "Basic 0123456789abcdef", TEXT, "Bearer", ""]
        {
            assert!(!is_sent(bad), "{bad}");
        }
        assert!(!token.is_sent(&HeaderMap::new()));
    }
}
