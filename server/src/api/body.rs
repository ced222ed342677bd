//! Reading a body: its size, then its media type, before anything is parsed.

use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use kez_core::registration::MAX_BODY_BYTES;
use kez_core::{Code, Problem};

use crate::error::ApiError;

/// How long a client may take to send 16 KiB.
const PATIENCE: Duration = Duration::from_secs(15);

/// The whole body of at most [`MAX_BODY_BYTES`].
///
/// # Errors
/// [`Code::PayloadTooLarge`] without keeping more, then [`Code::UnsupportedMediaType`]; [`Code::InvalidRequest`] when
/// the client stops sending.
pub(super) async fn envelope(request: Request<Body>) -> Result<Vec<u8>, ApiError> {
    json(request, MAX_BODY_BYTES).await
}

/// The whole body of at most `max` bytes.
///
/// # Errors
/// Those of [`envelope`].
pub(super) async fn json(request: Request<Body>, max: usize) -> Result<Vec<u8>, ApiError> {
    let (head, body) = request.into_parts();
    let bytes = read(&head.headers, body, max).await?;
    let mut media_types = head.headers.get_all(CONTENT_TYPE).iter();
    let is_json = media_types.next().and_then(|value| value.to_str().ok()).is_some_and(is_json);
    if !is_json || media_types.next().is_some() {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send the body as application/json.").into());
    }
    Ok(bytes)
}

/// The whole body of at most [`MAX_BODY_BYTES`], of any media type.
///
/// # Errors
/// [`Code::PayloadTooLarge`] and [`Code::InvalidRequest`], as [`envelope`].
pub(super) async fn whole(request: Request<Body>) -> Result<Vec<u8>, ApiError> {
    let (head, body) = request.into_parts();
    read(&head.headers, body, MAX_BODY_BYTES).await
}

async fn read(headers: &HeaderMap, body: Body, max: usize) -> Result<Vec<u8>, ApiError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max as u64) {
        return Err(too_large(max));
    }
    let read = tokio::time::timeout(PATIENCE, collect(body, max)).await;
    read.map_err(|_| broken())?
}

async fn collect(mut body: Body, max: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken())?;
        bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        if bytes.len() > max {
            return Err(too_large(max));
        }
    }
    Ok(bytes)
}

fn broken() -> ApiError {
    Problem::new(Code::InvalidRequest, "The body did not arrive whole; send it again.").into()
}

fn too_large(max: usize) -> ApiError {
    Problem::new(Code::PayloadTooLarge, format!("Send at most {max} bytes.")).into()
}

/// `application/json`, in any case and with any parameters (RFC 9110 section 8.3.1).
fn is_json(value: &str) -> bool {
    let media_type = value.split_once(';').map_or(value, |(media_type, _)| media_type);
    media_type.trim_matches([' ', '\t']).eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn media_types() {
        for good in ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;x=1"]
        {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "application/jsonp", "application/ld+json", "text/plain", "text/plain; application/json"] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
