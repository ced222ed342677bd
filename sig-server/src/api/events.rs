use axum::body::Bytes;
use axum::response::Response;
use http::header::{ACCEPT, VARY};
use http::{HeaderMap, HeaderValue, Uri};

use super::State;
use super::path::{Chain, ChainPath};
use super::query::{PageQuery, page};
use super::schema;
use super::stream::{Source, stream};
use crate::error::ApiError;
use crate::refused::Refused;
use crate::service::EventPages;

kez_http::refusals!(Refusals, of_read, InvalidResource, NotFound);

/// Events of a chain behind a number: an object, or one envelope a line for who asks for lines.
#[utoipa::path(get, path = "/v1/sigchains/ed25519/{hex}/events", tag = "sigchains", params(ChainPath, PageQuery),
    responses((status = 200, description = "The events; one a line for `Accept: application/jsonl`.",
        content((schema::EventPage = "application/json"), (String = "application/jsonl"),
            (String = "application/x-ndjson"))), Refusals))]
pub(super) async fn events(
    service: State,
    Chain(id): Chain,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (after, limit) = page(&uri)?;
    let pages = service.events(&id, after, limit).await?;
    let mut response = match lines_wanted(&headers) {
        Some(media_type) => stream(media_type, Lines(pages)).await?,
        None => stream("application/json", Page { pages, is_begun: false, is_done: false }).await?,
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// One event a line.
struct Lines(EventPages);

impl Source for Lines {
    async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        let rows = self.0.next().await?;
        let lines = rows.into_iter().flat_map(|mut row| {
            row.event.push(b'\n');
            row.event
        });
        let piece: Bytes = lines.collect();
        Ok((!piece.is_empty()).then_some(piece))
    }
}

/// All in one object.
struct Page {
    pages: EventPages,
    is_begun: bool,
    is_done: bool,
}

impl Source for Page {
    async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        if self.is_done {
            return Ok(None);
        }
        let mut piece = Vec::new();
        if !self.is_begun {
            piece.extend_from_slice(br#"{"events":["#);
        }
        for (at, row) in self.pages.next().await?.iter().enumerate() {
            if self.is_begun || at > 0 {
                piece.push(b',');
            }
            piece.extend_from_slice(&row.event);
        }
        self.is_begun = true;
        if !self.pages.has_more() {
            let next = self.pages.next_page().map_or_else(|| "null".to_owned(), |next| next.to_string());
            piece.extend_from_slice(format!(r#"],"next":{next}}}"#).as_bytes());
            self.is_done = true;
        }
        Ok(Some(piece.into()))
    }
}

/// The media type of lines that the client named, in any case and with any parameters.
fn lines_wanted(headers: &HeaderMap) -> Option<&'static str> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut wanted = values.flat_map(|list| list.split(',')).filter_map(|range| range.split(';').next());
    wanted.find_map(|name| {
        ["application/jsonl", "application/x-ndjson"].into_iter().find(|known| name.trim().eq_ignore_ascii_case(known))
    })
}
