//! The body of an answer, which tells when the last of it was made.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::peer::Peer;

/// A body on its way out.
pub(super) struct Answered {
    inner: Body,
    peer: Arc<Peer>,
}

impl Answered {
    pub(super) fn new(inner: Body, peer: Arc<Peer>) -> Self {
        Answered { inner, peer }
    }
}

impl hyper::body::Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The library lets go of a body when it has the whole of it, or when nobody wants it.
impl Drop for Answered {
    fn drop(&mut self) {
        self.peer.answered();
    }
}
