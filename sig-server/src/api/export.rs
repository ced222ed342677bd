use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::response::Response;
use http::{HeaderMap, Uri};
use kez_core::{Code, Problem};

use super::State;
use super::query::{PageQuery, page};
use super::stream::{Source, stream};
use crate::error::ApiError;
use crate::export::Export;
use crate::refused::Refused;
use crate::service::ExportPages;

kez_http::refusals!(Refusals, of_read, InvalidResource, Unauthorized, NotFound);

/// Everything that was ever accepted, of all chains, one entry a line; where the operator lets others read it (`404` where
/// not), to everybody or to who has the token.
#[utoipa::path(get, path = "/v1/export", tag = "sigchains", params(PageQuery), security((), ("export" = [])),
    responses((status = 200, description = "`{log_index, chain, event, received_at}` a line.", body = String,
        content_type = "application/x-ndjson"), Refusals))]
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
    stream("application/x-ndjson", Lines(service.export(after, limit))).await
}

struct Lines(ExportPages);

impl Source for Lines {
    async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        let mut piece = Vec::new();
        for row in self.0.next().await? {
            let (index, chain) = (row.log_index, row.chain);
            piece.extend_from_slice(format!(r#"{{"log_index":{index},"chain":"{chain}","event":"#).as_bytes());
            piece.extend_from_slice(&row.event);
            piece.extend_from_slice(format!(",\"received_at\":\"{}\"}}\n", row.received_at).as_bytes());
        }
        Ok((!piece.is_empty()).then(|| piece.into()))
    }
}
