//! Conditional requests (RFC 9110 section 13), once for everything that is read: answers, pages and files.

use std::time::SystemTime;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use kez_core::{Code, Problem};

/// The fields that make a request conditional. `If-Range` is none of them: it is about how much is sent.
pub const FIELDS: [HeaderName; 4] = [IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH, IF_MODIFIED_SINCE];

/// `200` with JSON, its tag, and how long it may be kept.
pub fn tagged(json: Bytes, tag: Option<HeaderValue>, kept: HeaderValue) -> Response {
    let mut response = Response::new(json.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, kept);
    headers.extend(tag.map(|tag| (ETAG, tag)));
    response
}

/// The conditions of a request that reads.
pub struct Conditions(HeaderMap);

impl Conditions {
    /// Those of a request, if it has some and reads. What writes judges its own.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let mut conditions = HeaderMap::new();
        for name in FIELDS {
            for value in headers.get_all(&name) {
                conditions.append(name.clone(), value.clone());
            }
        }
        (!conditions.is_empty()).then_some(Conditions(conditions))
    }

    /// What becomes of the answer to the request without them: it, or `304` in its place. They are held against its `ETag`
    /// and `Last-Modified`; an answer that is no success stands as it is.
    ///
    /// # Errors
    /// [`Code::PreconditionFailed`]
    pub fn apply(&self, response: Response) -> Result<Response, Problem> {
        if !matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return Ok(response);
        }
        // In the order of section 13.2.2.
        let current = response.headers();
        let is_met = match (self.has(&IF_MATCH), self.date(&IF_UNMODIFIED_SINCE), date(current, &LAST_MODIFIED)) {
            (true, _, _) => self.lists(&IF_MATCH, current.get(ETAG), is_strong),
            (false, Some(since), Some(modified)) => modified <= since,
            (false, _, _) => true,
        };
        if !is_met {
            return Err(Problem::new(
                Code::PreconditionFailed,
                "What is here is not what the request's conditions name.",
            ));
        }
        let is_known = match (self.has(&IF_NONE_MATCH), self.date(&IF_MODIFIED_SINCE), date(current, &LAST_MODIFIED)) {
            (true, _, _) => self.lists(&IF_NONE_MATCH, current.get(ETAG), |_| true),
            (false, Some(since), Some(modified)) => modified <= since,
            (false, _, _) => false,
        };
        Ok(if is_known { not_modified(response) } else { response })
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.0.contains_key(name)
    }

    fn date(&self, name: &HeaderName) -> Option<SystemTime> {
        date(&self.0, name)
    }

    /// Whether a field names `current`: one of its tags, as far as `counts` lets them count, or anything that is there.
    fn lists(&self, name: &HeaderName, current: Option<&HeaderValue>, counts: impl Fn(&str) -> bool) -> bool {
        let values = || self.0.get_all(name).iter().filter_map(|value| value.to_str().ok());
        if values().any(|value| value.trim() == "*") {
            return true;
        }
        let Some(current) = current.and_then(|tag| tag.to_str().ok()).filter(|tag| counts(tag)) else { return false };
        values().flat_map(tags).any(|tag| counts(tag) && opaque(tag) == opaque(current))
    }
}

/// Whether `If-Range` lets a part be sent: it names what is there, strongly (section 13.1.5).
#[must_use]
pub fn is_in_range(if_range: &HeaderValue, current: &HeaderMap) -> bool {
    let same = |name: HeaderName| current.get(name).is_some_and(|value| value == if_range);
    match if_range.to_str() {
        Ok(tag) if tag.starts_with('"') => same(ETAG),
        // Files do not change twice in a second, so that a date is as good as a tag.
        Ok(_) => same(LAST_MODIFIED),
        Err(_) => false,
    }
}

fn is_strong(tag: &str) -> bool {
    !tag.starts_with("W/")
}

/// A tag without what says that it is weak.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The entity tags of a list, with their quotes; what is none ends it. A tag may hold commas.
pub fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let quote = if is_strong(rest) { 0 } else { 2 };
        let text = rest.get(quote..)?.strip_prefix('"')?;
        let end = quote + text.find('"')? + 2;
        let (tag, after) = rest.split_at(end);
        rest = after;
        Some(tag)
    })
}

/// The date of a field. One that is no date, or that is there twice, is ignored.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let mut values = headers.get_all(name).iter();
    let date = httpdate::parse_http_date(values.next()?.to_str().ok()?).ok()?;
    values.next().is_none().then_some(date)
}

/// The same answer for who has it already: without what describes the content that is not sent (section 15.4.5).
fn not_modified(response: Response) -> Response {
    let (mut head, _) = response.into_parts();
    head.status = StatusCode::NOT_MODIFIED;
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE] {
        head.headers.remove(name);
    }
    Response::from_parts(head, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: &str = "Mon, 25 May 2026 03:00:00 GMT";
    const BEFORE: &str = "Mon, 25 May 2026 02:59:59 GMT";

    /// The status that these conditions make of an answer with `tag`, and with the date `THEN` if it is `dated`.
    fn status(tag: Option<&str>, dated: bool, conditions: &[(&str, &str)]) -> u16 {
        let mut request = HeaderMap::new();
        for (name, value) in conditions {
            let name: HeaderName = name.parse().expect("a name");
            request.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        let mut response = Response::new(Body::from("x"));
        for (name, value) in [(ETAG, tag), (LAST_MODIFIED, dated.then_some(THEN))] {
            response.headers_mut().extend(value.map(|value| (name, HeaderValue::from_str(value).expect("a value"))));
        }
        let conditions = Conditions::of(&Method::GET, &request).expect("there are some");
        conditions.apply(response).map_or(412, |response| response.status().as_u16())
    }

    #[test]
    fn tags_are_compared() {
        for (tag, field, value, expected) in [
            (Some("\"a\""), "if-none-match", "\"a\"", 304),
            (Some("\"a\""), "if-none-match", "W/\"a\"", 304),
            (Some("W/\"a\""), "if-none-match", "\"a\"", 304),
            (Some("\"a\""), "if-none-match", "\"b\", \"a\"", 304),
            (Some("\"a\""), "if-none-match", "\"b\",,W/\"a\"", 304),
            (Some("\"a\""), "if-none-match", "*", 304),
            (None, "if-none-match", "*", 304),
            (None, "if-none-match", "\"a\"", 200),
            (Some("\"a\""), "if-none-match", "\"b\"", 200),
            (Some("\"a\""), "if-none-match", "a", 200),
            (Some("\"a\""), "if-none-match", "\"b,*,c\"", 200),
            (Some("\"a\""), "if-none-match", "\"b,\"a\"", 200),
            (Some("\"a\""), "if-none-match", "\"a", 200),
            (Some("\"a\""), "if-match", "\"a\"", 200),
            (Some("\"a\""), "if-match", "\"b\", \"a\"", 200),
            (Some("\"a\""), "if-match", "*", 200),
            (None, "if-match", "*", 200),
            (None, "if-match", "\"a\"", 412),
            (Some("\"a\""), "if-match", "\"b\"", 412),
            (Some("\"a\""), "if-match", "W/\"a\"", 412),
            (Some("W/\"a\""), "if-match", "W/\"a\"", 412),
        ] {
            assert_eq!(status(tag, false, &[(field, value)]), expected, "{tag:?} {field}: {value}");
        }
    }

    #[test]
    fn dates_are_compared_where_no_tag_is() {
        let (tag, since, unless) = (Some("\"a\""), "if-modified-since", "if-unmodified-since");
        for (conditions, expected) in [
            (&[(since, THEN)][..], 304),
            (&[(since, BEFORE)], 200),
            (&[(since, "yesterday")], 200),
            (&[(since, THEN), ("if-none-match", "\"b\"")], 200),
            (&[(since, BEFORE), ("if-none-match", "\"a\"")], 304),
            (&[(unless, THEN)], 200),
            (&[(unless, BEFORE)], 412),
            (&[(unless, BEFORE), ("if-match", "\"a\"")], 200),
            (&[(unless, THEN), ("if-match", "\"b\"")], 412),
            (&[("if-match", "\"a\""), ("if-none-match", "\"a\"")], 304),
            (&[("if-match", "\"b\""), ("if-none-match", "\"a\"")], 412),
        ] {
            assert_eq!(status(tag, true, conditions), expected, "{conditions:?}");
        }
        assert_eq!(status(None, false, &[(since, THEN)]), 200, "there is nothing to compare with");
        assert_eq!(status(None, false, &[(unless, BEFORE)]), 200);
    }

    #[test]
    fn only_what_was_found_is_conditional() {
        let mut request = HeaderMap::new();
        request.insert(IF_MATCH, HeaderValue::from_static("\"b\""));
        assert!(Conditions::of(&Method::POST, &request).is_none());
        assert!(Conditions::of(&Method::GET, &HeaderMap::new()).is_none());
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::GONE;
        let applied = Conditions::of(&Method::HEAD, &request).map(|conditions| conditions.apply(response));
        assert!(matches!(applied, Some(Ok(response)) if response.status() == StatusCode::GONE));
    }

    #[test]
    fn parts_are_sent_of_what_is_named() {
        let current = HeaderMap::from_iter([
            (ETAG, HeaderValue::from_static("\"a\"")),
            (LAST_MODIFIED, HeaderValue::from_static(THEN)),
        ]);
        let is_in_range = |value: &str| is_in_range(&HeaderValue::from_str(value).expect("a value"), &current);
        assert!(is_in_range("\"a\"") && is_in_range(THEN));
        for other in ["\"b\"", "W/\"a\"", BEFORE, "", "x"] {
            assert!(!is_in_range(other), "{other}");
        }
    }
}
