//! Reading a body: its size, then its media type, before anything is parsed.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt as _;
use kez_core::{Code, Problem};

use crate::error::ApiError;

/// How long a client may take to send the largest body, for each started MiB of it.
const PATIENCE: Duration = Duration::from_secs(15);
const MIB: usize = 1024 * 1024;

/// The whole body of at most `max` bytes.
///
/// # Errors
/// [`Code::PayloadTooLarge`] without keeping more, then [`Code::UnsupportedMediaType`]; [`Code::InvalidRequest`] when
/// the client stops sending.
pub(super) async fn read(request: Request<Body>, max: usize) -> Result<Vec<u8>, ApiError> {
    let (head, body) = request.into_parts();
    let announced = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max as u64) {
        return Err(too_large(max));
    }
    let patience = PATIENCE * u32::try_from(max.div_ceil(MIB)).unwrap_or(u32::MAX);
    let bytes = tokio::time::timeout(patience, collect(body, max)).await.map_err(|_| broken())??;
    let mut media_types = head.headers.get_all(CONTENT_TYPE).iter();
    let is_json = media_types.next().and_then(|value| value.to_str().ok()).is_some_and(is_json);
    if !is_json || media_types.next().is_some() {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send the body as application/json.").into());
    }
    Ok(bytes)
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
    let error = Problem::new(Code::PayloadTooLarge, format!("Send at most {max} bytes."));
    ApiError::from(error).with_reason(kez_core::sigchain::Reason::TooLarge)
}

/// `application/json`, in any case and with any parameters (RFC 9110 section 8.3.1).
fn is_json(value: &str) -> bool {
    let media_type = value.split_once(';').map_or(value, |(media_type, _)| media_type);
    media_type.trim_matches([' ', '\t']).eq_ignore_ascii_case("application/json")
}
