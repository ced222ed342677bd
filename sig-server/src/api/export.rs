use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Uri};

use super::State;
use super::query::page;
use crate::error::ApiError;

/// Everything that was ever accepted, of all chains, one entry a line.
pub(super) async fn export(service: State, uri: Uri) -> Result<Response, ApiError> {
    let (after, limit) = page(&uri)?;
    let mut body = Vec::new();
    for row in service.export(after, limit).await? {
        let (index, chain) = (row.log_index, row.chain);
        body.extend_from_slice(format!(r#"{{"log_index":{index},"chain":"{chain}","event":"#).as_bytes());
        body.extend_from_slice(&row.event);
        body.extend_from_slice(format!(",\"received_at\":\"{}\"}}\n", row.received_at).as_bytes());
    }
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))], body).into_response())
}
