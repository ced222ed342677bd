use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{Request, StatusCode};
use kez_core::sigchain::{Audit, Head, Reason};
use kez_core::{Code, Problem};
use serde::Serialize;

use super::path::Chain;
use super::{State, body};
use crate::error::ApiError;

/// Largest audit log, in bytes: 10,000 entries of a usual size with their receipts.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

#[derive(Serialize)]
struct Answer {
    head: Head,
    /// Entries that were new here.
    stored: usize,
}

/// Takes over a chain's audit log from another server.
pub(super) async fn import(service: State, Chain(id): Chain, request: Request<Body>) -> Result<Response, ApiError> {
    let text = body::read(request, MAX_BODY_BYTES).await?;
    let audit = Audit::parse(&text).map_err(|problem| match problem.code {
        Code::MalformedJson => ApiError::from(problem),
        _ => ApiError::from(Problem::new(Code::InvalidEvent, problem.detail)).with_reason(Reason::BadEnvelope),
    })?;
    let imported = service.import(id, audit).await?;
    let status = if imported.stored > 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Answer { head: imported.head, stored: imported.stored })).into_response())
}
