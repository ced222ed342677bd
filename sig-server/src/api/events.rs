use axum::response::{IntoResponse as _, Response};
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Uri};

use super::State;
use super::path::Chain;
use super::query::page;
use crate::error::ApiError;

/// Events of a chain behind a number: an object, or one envelope a line for who asks for lines.
pub(super) async fn events(
    service: State,
    Chain(id): Chain,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (after, limit) = page(&uri)?;
    let (rows, next) = service.events(&id, after, limit).await?;
    let (body, media_type) = match lines_wanted(&headers) {
        Some(media_type) => {
            let mut body = Vec::new();
            for row in rows {
                body.extend_from_slice(&row.event);
                body.push(b'\n');
            }
            (body, media_type)
        }
        None => {
            let mut body = br#"{"events":["#.to_vec();
            for (n, row) in rows.iter().enumerate() {
                if n > 0 {
                    body.push(b',');
                }
                body.extend_from_slice(&row.event);
            }
            let next = next.map_or_else(|| "null".to_owned(), |next| next.to_string());
            body.extend_from_slice(format!(r#"],"next":{next}}}"#).as_bytes());
            (body, "application/json")
        }
    };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(media_type)), (VARY, HeaderValue::from_static("accept"))];
    Ok((headers, body).into_response())
}

/// The media type of lines that the client named, in any case and with any parameters.
fn lines_wanted(headers: &HeaderMap) -> Option<&'static str> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut wanted = values.flat_map(|list| list.split(',')).filter_map(|range| range.split(';').next());
    wanted.find_map(|name| {
        ["application/jsonl", "application/x-ndjson"].into_iter().find(|known| name.trim().eq_ignore_ascii_case(known))
    })
}
