//! Answers of any length, a piece at a time.

use std::future::Future;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, StreamExt as _};
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::error::ApiError;
use crate::refused::Refused;

/// Where the pieces of an answer come from.
pub(super) trait Source: Send + 'static {
    /// The next piece; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Refused>> + Send;
}

/// An answer made of all pieces. What is wrong with the first is a problem of its own. Each further one is made when the
/// client has taken those before; when it cannot be made, the connection ends in the middle of the answer, so that nobody
/// takes what came for the whole.
pub(super) async fn stream(media_type: &'static str, mut source: impl Source) -> Result<Response, ApiError> {
    let first = source.next().await?.unwrap_or_default();
    let body = match source.next().await? {
        // The whole answer is here, so its length is told.
        None => Body::from(first),
        Some(second) => {
            let rest = stream::try_unfold(source, |mut source| async move {
                // Nobody is sent the problem, but the log is told.
                let piece = source.next().await.inspect_err(|refused| drop(ApiError::from(refused.clone())))?;
                Ok::<_, Refused>(piece.map(|piece| (piece, source)))
            });
            Body::from_stream(stream::iter([Ok(first), Ok(second)]).chain(rest))
        }
    };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response())
}
