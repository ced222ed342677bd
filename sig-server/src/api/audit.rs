use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::State;
use super::path::Chain;
use super::query::MAX_LIMIT;
use crate::error::ApiError;

/// Every event that was ever accepted, with its time and receipt, and what displaced it.
pub(super) async fn audit(service: State, Chain(id): Chain) -> Result<Response, ApiError> {
    let mut body = format!(r#"{{"chain":"{id}","entries":["#).into_bytes();
    let mut from = 0;
    loop {
        let rows = service.rows(&id, from, MAX_LIMIT).await?;
        for row in &rows {
            if row.entry > 0 {
                body.push(b',');
            }
            body.extend_from_slice(br#"{"event":"#);
            body.extend_from_slice(&row.event);
            body.extend_from_slice(format!(r#","received_at":"{}","receipt":"#, row.received_at).as_bytes());
            body.extend_from_slice(&row.receipt);
            if let Some(fork) = service.displaced_by(&id, &row.id).await? {
                body.extend_from_slice(format!(r#","nullified_by":"{fork}""#).as_bytes());
            }
            body.push(b'}');
        }
        from += rows.len() as u64;
        if (rows.len() as u64) < MAX_LIMIT {
            break;
        }
    }
    body.extend_from_slice(b"]}");
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}
