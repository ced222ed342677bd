//! Requests for a part of a file (RFC 9110 section 14), put right in front of the library that serves files: it takes a
//! unit that it does not know for a range that cannot be had, and never looks at `If-Range`.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method};
use kez_http::conditional::{FIELDS, is_in_range};

/// Lets through what asks for one range of bytes, as far as it means what is there; everything else asks for the whole.
pub(super) async fn set_right(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    // The front of the server judges those, for everything that it answers.
    FIELDS.iter().for_each(|name| drop(headers.remove(name)));
    let (range, if_range) = (headers.remove(RANGE), headers.remove(IF_RANGE));
    let Some(range) = range.as_ref().and_then(one_range).filter(|_| *request.method() == Method::GET) else {
        return next.run(request).await;
    };
    let is_suffix = range.as_bytes().starts_with(b"bytes=-");
    let mut range = range;
    if if_range.is_some() || is_suffix {
        let mut probe = Request::new(Body::empty());
        *probe.method_mut() = Method::HEAD;
        *probe.uri_mut() = request.uri().clone();
        *probe.headers_mut() = request.headers().clone();
        let current = next.clone().run(probe).await;
        if if_range.is_some_and(|if_range| !is_in_range(&if_range, current.headers())) {
            return next.run(request).await;
        }
        // The last bytes of a file that has fewer are all of it (section 14.1.2).
        if is_suffix && let Some(all) = all_of(&range, current.headers()) {
            range = all;
        }
    }
    request.headers_mut().insert(RANGE, range);
    next.run(request).await
}

/// The one range of bytes that a value asks for, in its plainest spelling. Other units, several ranges and what is no
/// range are ignored, as section 14.2 permits and wants.
fn one_range(value: &HeaderValue) -> Option<HeaderValue> {
    let (unit, range) = value.to_str().ok()?.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || first.is_empty() && last.is_empty() {
        return None;
    }
    let (first, last) = (position(first)?, position(last)?);
    if matches!((&first, &last), (Some(first), Some(last)) if first > last) {
        return None;
    }
    let text = |position: Option<u64>| position.map_or_else(String::new, |position| position.to_string());
    HeaderValue::try_from(format!("bytes={}-{}", text(first), text(last))).ok()
}

/// The range of a whole file, where more of its end is asked for than it has.
fn all_of(suffix: &HeaderValue, file: &HeaderMap) -> Option<HeaderValue> {
    let number = |value: &HeaderValue, prefix: &str| value.to_str().ok()?.strip_prefix(prefix)?.parse::<u64>().ok();
    let (wanted, length) = (number(suffix, "bytes=-")?, number(file.get(CONTENT_LENGTH)?, "")?);
    (length > 0 && wanted > length).then(|| HeaderValue::from_static("bytes=0-"))
}

/// Digits, or nothing. What is too large for anything is the largest.
fn position(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_and_nothing_else() {
        let of = |text: &str| one_range(&HeaderValue::from_str(text).expect("a value"));
        for (text, expected) in [
            ("bytes=0-3", "bytes=0-3"),
            ("Bytes=00-03", "bytes=0-3"),
            ("bytes=5-", "bytes=5-"),
            ("bytes=-5", "bytes=-5"),
            ("bytes=0-99999999999999999999", "bytes=0-18446744073709551615"),
        ] {
            assert_eq!(of(text).expect(text), expected);
        }
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=x-1",
            "bytes=3-1",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes=+1-2",
            "0-1",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
