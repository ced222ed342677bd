use axum::body::Bytes;
use axum::response::Response;
use kez_core::KeyId;

use super::State;
use super::path::{Chain, ChainPath};
use super::schema;
use super::stream::{Source, stream};
use crate::error::ApiError;
use crate::refused::Refused;
use crate::service::AuditPages;

kez_http::refusals!(Refusals, of_read, NotFound);

/// Every event that was ever accepted, with its time and receipt, and what displaced it: all that is needed to verify the
/// chain without trusting this server.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/audit", tag = "sigchains", params(ChainPath),
    responses((status = 200, description = "The audit log.", body = schema::AuditLog), Refusals))]
pub(super) async fn audit(service: State, Chain(id): Chain) -> Result<Response, ApiError> {
    let pages = service.audit(&id).await?;
    stream("application/json", Log { id, pages, is_begun: false, is_done: false }).await
}

struct Log {
    id: KeyId,
    pages: AuditPages,
    is_begun: bool,
    is_done: bool,
}

impl Source for Log {
    async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        if self.is_done {
            return Ok(None);
        }
        let mut piece = Vec::new();
        if !self.is_begun {
            piece.extend_from_slice(format!(r#"{{"chain":"{}","entries":["#, self.id).as_bytes());
            self.is_begun = true;
        }
        for (row, displaced_by) in self.pages.next().await? {
            if row.entry > 0 {
                piece.push(b',');
            }
            piece.extend_from_slice(br#"{"event":"#);
            piece.extend_from_slice(&row.event);
            piece.extend_from_slice(format!(r#","received_at":"{}","receipt":"#, row.received_at).as_bytes());
            piece.extend_from_slice(&row.receipt);
            if let Some(fork) = displaced_by {
                piece.extend_from_slice(format!(r#","nullified_by":"{fork}""#).as_bytes());
            }
            piece.push(b'}');
        }
        if !self.pages.has_more() {
            piece.extend_from_slice(b"]}");
            self.is_done = true;
        }
        Ok(Some(piece.into()))
    }
}
