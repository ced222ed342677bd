//! The HTTP library refuses what is no HTTP before anybody here sees a request: with a bare status, without a word. This
//! puts a problem in its place, on the way out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};

/// A connection whose bare refusals are replaced by `problem`, a whole response.
pub(crate) struct Explained<T> {
    inner: T,
    problem: Arc<[u8]>,
    /// What was put in a refusal's place and is not sent yet.
    pending: Bytes,
}

impl<T> Explained<T> {
    pub(crate) fn new(inner: T, problem: Arc<[u8]>) -> Self {
        Explained { inner, problem, pending: Bytes::new() }
    }
}

/// Whether these bytes are a response that the library made up: every answer of ours has `x-content-type-options`.
fn is_bare_refusal(bytes: &[u8]) -> bool {
    let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    bytes.starts_with(b"HTTP/1.1 4") && has(b"\r\ncontent-length: 0\r\n") && !has(b"\r\nx-content-type-options:")
}

impl<T: Write + Unpin> Explained<T> {
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Write + Unpin> Write for Explained<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        if is_bare_refusal(bytes) {
            // Taken whole now, sent at the flush that follows every response.
            self.pending = Bytes::copy_from_slice(&self.problem);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match parts {
            [only] => self.poll_write(cx, only),
            // A refusal has no body, so it is one part.
            _ => {
                ready!(self.poll_pending(cx))?;
                Pin::new(&mut self.inner).poll_write_vectored(cx, parts)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<T: Read + Unpin> Read for Explained<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}
