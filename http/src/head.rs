//! What a request's head must be, beyond what the HTTP library sees to.

use std::net::Ipv6Addr;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Version};
use kez_core::{Code, Problem};

/// Bytes of a request's first line.
pub const MAX_LINE: usize = 8 * 1024;
/// Bytes of a whole head.
pub const MAX_HEAD: usize = 32 * 1024;

/// Looks at a request's head.
///
/// # Errors
/// [`Code::UriTooLong`] for a line over [`MAX_LINE`]; [`Code::InvalidRequest`] without a host, with two or with one that
/// cannot be (RFC 9112 section 3.2); [`Code::UnsupportedMediaType`] for a body that has to be decoded first.
pub fn check<B>(request: &Request<B>) -> Result<(), Problem> {
    // The method, the target, `HTTP/1.1`, two spaces and the line's end.
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if request.method().as_str().len() + target + 12 > MAX_LINE {
        return Err(Problem::new(Code::UriTooLong, format!("Send a request line of at most {MAX_LINE} bytes.")));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_good = match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host.as_bytes()),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if !is_good {
        return Err(Problem::new(Code::InvalidRequest, "Send one Host header, with a name or an address."));
    }
    if has_body(request.headers()) && is_encoded(request.headers()) {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send the body as it is, without Content-Encoding."));
    }
    Ok(())
}

fn has_body(headers: &HeaderMap) -> bool {
    let is_empty = |value: &http::HeaderValue| value.as_bytes().iter().all(|byte| *byte == b'0');
    headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| !is_empty(length))
}

/// Whether any content coding but none at all is named.
fn is_encoded(headers: &HeaderMap) -> bool {
    let codings =
        headers.get_all(CONTENT_ENCODING).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    codings.map(<[u8]>::trim_ascii).any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// `uri-host [ ":" port ]` of RFC 9110 section 7.2, whose host is not empty.
fn is_host(value: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(value) else { return false };
    let (is_name, port) = match value.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
            None => return false,
        },
        None => {
            let (name, port) = value.split_at(value.find(':').unwrap_or(value.len()));
            (is_reg_name(name.as_bytes()), port)
        }
    };
    let is_port =
        |port: &str| port.is_empty() || port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_name && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// A `reg-name` of RFC 3986 section 3.2.2, which an IPv4 address is too.
fn is_reg_name(mut name: &[u8]) -> bool {
    let is_empty = name.is_empty();
    while let [first, rest @ ..] = name {
        name = match (first, rest) {
            (b'%', [high, low, rest @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            (byte, rest) if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) => rest,
            _ => return false,
        };
    }
    !is_empty
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(request: http::request::Builder) -> Option<Code> {
        check(&request.body(()).expect("a request")).err().map(|problem| problem.code)
    }

    #[test]
    fn hosts() {
        for good in [
            "kez.example",
            "KEZ.example:443",
            "localhost:6969",
            "192.0.2.1",
            "[2001:db8::1]",
            "[2001:db8::1]:443",
            "a:",
            "a_b",
            "x%41",
            "kez.example.",
        ] {
            assert_eq!(code(Request::get("/").header(HOST, good)), None, "{good}");
        }
        for bad in [
            "",
            " ",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            "a:b",
            "a:1:2",
            "a:65536",
            "a:-1",
            "a:+1",
            "[",
            "[]",
            "[::1",
            "[::1]x",
            "[1.2.3.4]",
            "::1",
            "x%4",
            "x%zz",
            "a\\b",
            "\"a\"",
            "http://a",
        ] {
            assert_eq!(code(Request::get("/").header(HOST, bad)), Some(Code::InvalidRequest), "{bad:?}");
        }
        let beyond_ascii = http::HeaderValue::from_bytes("ké.example".as_bytes()).expect("a value");
        assert_eq!(code(Request::get("/").header(HOST, beyond_ascii)), Some(Code::InvalidRequest));
        assert_eq!(code(Request::get("/")), Some(Code::InvalidRequest), "none");
        assert_eq!(code(Request::get("/").version(Version::HTTP_10)), None);
        for version in [Version::HTTP_10, Version::HTTP_11] {
            let two = Request::get("/").version(version).header(HOST, "a").header(HOST, "a");
            assert_eq!(code(two), Some(Code::InvalidRequest));
        }
    }

    #[test]
    fn lines() {
        // `GET `, ` HTTP/1.1` and the end of the line are 15 bytes.
        let of = |length: usize| code(Request::get(format!("/{}", "x".repeat(length - 1))).header(HOST, "a"));
        assert_eq!((of(MAX_LINE - 15), of(MAX_LINE - 14)), (None, Some(Code::UriTooLong)));
    }

    #[test]
    fn encodings() {
        let with = |length: &str, coding: &str| {
            code(Request::post("/").header(HOST, "a").header(CONTENT_LENGTH, length).header(CONTENT_ENCODING, coding))
        };
        for coding in ["gzip", "br", "identity, gzip", "x"] {
            assert_eq!(with("5", coding), Some(Code::UnsupportedMediaType), "{coding}");
            assert_eq!(with("0", coding), None, "there is nothing to decode");
        }
        for coding in ["identity", "Identity", "", "identity, identity"] {
            assert_eq!(with("5", coding), None, "{coding}");
        }
        let chunked = Request::post("/").header(HOST, "a").header(TRANSFER_ENCODING, "chunked");
        assert_eq!(code(chunked.header(CONTENT_ENCODING, "gzip")), Some(Code::UnsupportedMediaType));
    }
}
