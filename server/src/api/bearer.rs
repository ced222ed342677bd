//! What a client sends as `Authorization: Bearer`.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

/// The token (RFC 6750 section 2.1); empty when there is none. The scheme's case does not matter (RFC 9110 section
/// 11.1).
pub(super) fn token(headers: &HeaderMap) -> &[u8] {
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    match given.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
        _ => &[],
    }
}
