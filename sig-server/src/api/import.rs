use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{Request, StatusCode};
use kez_core::sigchain::Head;
use kez_http::body;
use serde::Serialize;

use super::path::{Chain, ChainPath};
use super::{State, schema};
use crate::error::{ApiError, too_large};

/// Largest audit log, in bytes. A chain has 1 MiB of events, which are 2,500 at most, each with a receipt and a time of
/// 640 bytes: 2.6 MiB as a server writes it. Three times as much leaves room for indentation and escapes.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

#[derive(Serialize)]
struct Answer {
    head: Head,
    /// Entries that were new here.
    stored: usize,
}

/// Takes over a chain's audit log from another server. Nothing of it is read for whoever may not start this chain here,
/// nor while too many others are being read. Signatures are believed, times are not.
#[utoipa::path(put, path = "/v1/sigchains/ed25519/{hex}", tag = "sigchains", params(ChainPath),
    request_body = schema::AuditLog,
    responses((status = 201, description = "Something was new.", body = schema::ImportedLog),
        (status = 200, description = "All of it was here.", body = schema::ImportedLog), super::NotTaken))]
pub(super) async fn import(service: State, Chain(id): Chain, request: Request<Body>) -> Result<Response, ApiError> {
    body::announced(request.headers(), MAX_BODY_BYTES).map_err(too_large)?;
    body::is_json(request.headers())?;
    let expecting = service.expect_import(id).await?;
    let log = body::json(request, MAX_BODY_BYTES).await.map_err(too_large)?;
    let imported = service.import(expecting, log).await?;
    let status = if imported.stored > 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Answer { head: imported.head, stored: imported.stored })).into_response())
}
