use std::sync::Arc;

use axum::Extension;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Uri};
use kez_core::{Code, Problem};

use super::State;
use super::query::page;
use crate::error::ApiError;
use crate::export::Export;

/// Everything that was ever accepted, of all chains, one entry a line.
pub(super) async fn export(
    service: State,
    Extension(readers): Extension<Arc<Export>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if matches!(*readers, Export::Off) {
        return Err(ApiError::not_found("This server shows nobody the log of all chains."));
    }
    if !readers.admits(&headers) {
        let detail = "Send this server's export token as Authorization: Bearer; its operator has it.";
        return Err(Problem::new(Code::Unauthorized, detail).into());
    }
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
