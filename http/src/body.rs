//! Reading a body: its size, then its media type, before anything is parsed.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use kez_core::{Code, Problem};
use tokio::time::Instant;

/// How long a client may take to begin, and how much it has to send in each second from then on, in bytes.
const PATIENCE: Duration = Duration::from_secs(15);
const BYTES_PER_SECOND: u32 = 64 * 1024;

/// The whole body of at most `max` bytes, which says that it is JSON.
///
/// # Errors
/// Those of [`whole`], then [`Code::UnsupportedMediaType`].
pub async fn json(request: Request<Body>, max: usize) -> Result<Bytes, Problem> {
    let (head, body) = request.into_parts();
    let announced = announced(&head.headers, max)?;
    let bytes = collect(body, announced, max).await?;
    is_json(&head.headers)?;
    Ok(bytes)
}

/// The whole body of at most `max` bytes, of any media type.
///
/// # Errors
/// [`Code::PayloadTooLarge`] without keeping more; [`Code::InvalidRequest`] when the client stops sending.
pub async fn whole(request: Request<Body>, max: usize) -> Result<Bytes, Problem> {
    let announced = announced(request.headers(), max)?;
    collect(request.into_body(), announced, max).await
}

/// How large the body says that it is; 0 when it does not say.
///
/// # Errors
/// [`Code::PayloadTooLarge`] when that is more than `max`.
pub fn announced(headers: &HeaderMap, max: usize) -> Result<usize, Problem> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let announced = usize::try_from(announced.unwrap_or(0)).unwrap_or(usize::MAX);
    if announced > max { Err(too_large(max)) } else { Ok(announced) }
}

/// Whether the body says that it is JSON: `application/json`, in any case and with any parameters (RFC 9110 section
/// 8.3.1).
///
/// # Errors
/// [`Code::UnsupportedMediaType`].
pub fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut media_types = headers.get_all(CONTENT_TYPE).iter();
    let first = media_types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = first.split_once(';').map_or(first, |(media_type, _)| media_type);
    let is_json = media_type.trim_matches([' ', '\t']).eq_ignore_ascii_case("application/json");
    if is_json && media_types.next().is_none() {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedMediaType, "Send the body as application/json."))
}

async fn collect(mut body: Body, announced: usize, max: usize) -> Result<Bytes, Problem> {
    let begun = Instant::now();
    let mut bytes = Vec::with_capacity(announced);
    loop {
        let seconds = u32::try_from(bytes.len()).unwrap_or(u32::MAX) / BYTES_PER_SECOND;
        let deadline = begun + PATIENCE + Duration::from_secs(seconds.into());
        let frame = tokio::time::timeout_at(deadline, body.frame()).await.map_err(|_| broken())?;
        let Some(frame) = frame else { return Ok(bytes.into()) };
        let frame = frame.map_err(|_| broken())?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if bytes.len() > max {
            return Err(too_large(max));
        }
    }
}

fn broken() -> Problem {
    Problem::new(Code::InvalidRequest, "The body did not arrive whole; send it again.")
}

fn too_large(max: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("Send at most {max} bytes."))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn media_types() {
        let of = |values: &[&'static str]| {
            let values = values.iter().map(|value| (CONTENT_TYPE, HeaderValue::from_static(value)));
            is_json(&values.collect()).is_ok()
        };
        for good in ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x=1"]
        {
            assert!(of(&[good]), "{good}");
        }
        for bad in ["", "application/jsonp", "application/ld+json", "text/plain", "text/plain; application/json"] {
            assert!(!of(&[bad]), "{bad}");
        }
        assert!(!of(&[]) && !of(&["application/json", "application/json"]));
    }
}
