//! The bytes of a connection, between the socket and the HTTP library: notes when who is there keeps the server waiting,
//! and puts problems where the library refuses with a bare status.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use super::peer::{Peer, Phase};
use super::refusals::Refusals;
use crate::head::MAX_LINE;

/// Bytes that are looked at together for the end of a request's line.
const LOOK: usize = 4 * 1024;
/// Bytes that are read and thrown away behind a head that was refused, so that its sender hears why.
const DISCARDED: usize = 1024 * 1024;
/// Of these, bytes at a time.
const PIECE: usize = 16 * 1024;

/// A connection's bytes.
pub(super) struct Wire<T> {
    inner: T,
    peer: Arc<Peer>,
    refusals: Arc<Refusals>,
    line: Line,
    /// What was put in a refusal's place and is not sent yet.
    pending: Bytes,
    /// How much may still be thrown away before the end; nothing unless a head was refused.
    discard: usize,
}

/// The first line of the request that is coming in.
#[derive(Default)]
struct Line {
    /// Requests that came before it.
    before: u64,
    length: usize,
    is_whole: bool,
}

impl<T> Wire<T> {
    pub(super) fn new(inner: T, peer: Arc<Peer>, refusals: Arc<Refusals>) -> Self {
        Wire { inner, peer, refusals, line: Line::default(), pending: Bytes::new(), discard: 0 }
    }

    /// Whether the bytes to come belong to the first line of a request, as far as that matters.
    fn is_in_line(&mut self) -> bool {
        let requests = self.peer.requests.load(std::sync::atomic::Ordering::Relaxed);
        if self.line.before != requests {
            self.line = Line { before: requests, ..Line::default() };
        }
        self.peer.phase() != Phase::Busy && !self.line.is_whole && self.line.length <= MAX_LINE
    }

    /// What belongs in the place of these bytes if they are a response that the library made up: every answer of ours has
    /// `x-content-type-options`.
    fn instead_of(&self, bytes: &[u8]) -> Option<Bytes> {
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
        let is_bare = bytes.starts_with(b"HTTP/1.1 4")
            && has(b"\r\ncontent-length: 0\r\n")
            && !has(b"\r\nx-content-type-options:");
        is_bare.then(|| match &bytes[9..12] {
            b"431" if self.line.length > MAX_LINE => self.refusals.uri_too_long.clone(),
            b"431" => self.refusals.headers_too_large.clone(),
            b"414" => self.refusals.uri_too_long.clone(),
            _ => self.refusals.malformed.clone(),
        })
    }
}

impl<T: Write + Unpin> Wire<T> {
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(self.noted(|inner, bytes| inner.poll_write(cx, bytes)))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn noted(&mut self, write: impl FnOnce(Pin<&mut T>, &[u8]) -> Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let polled = write(Pin::new(&mut self.inner), &self.pending);
        note(&self.peer, polled)
    }
}

fn note(peer: &Peer, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
    match &polled {
        Poll::Pending => peer.is_blocked(),
        Poll::Ready(Ok(bytes)) => peer.wrote(*bytes),
        Poll::Ready(Err(_)) => {}
    }
    polled
}

impl<T: Read + Write + Unpin> Write for Wire<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        if let Some(problem) = self.instead_of(bytes) {
            // Taken whole now, sent at the flush that follows every response.
            self.pending = problem;
            self.discard = if self.refusals.may_hear_out(Instant::now()) { DISCARDED } else { 0 };
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        note(&self.peer, polled)
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
                let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
                note(&self.peer, polled)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.peer.flushed();
        Poll::Ready(Ok(()))
    }

    /// Ends the connection. Behind a refused head, what its sender still sends is read first: a socket that is closed on
    /// bytes nobody read resets the connection, and the refusal may be lost.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        while self.discard > 0 {
            let mut space = [const { MaybeUninit::uninit() }; PIECE];
            let mut bytes = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut self.inner).poll_read(cx, bytes.unfilled()))?;
            self.discard = match bytes.filled().len() {
                0 => 0,
                read => self.discard.saturating_sub(read),
            };
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Read + Unpin> Read for Wire<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_in_line() {
            return Pin::new(&mut self.inner).poll_read(cx, buffer);
        }
        let mut space = [const { MaybeUninit::uninit() }; LOOK];
        let room = buffer.remaining().min(LOOK);
        let mut bytes = ReadBuf::uninit(&mut space[..room]);
        ready!(Pin::new(&mut self.inner).poll_read(cx, bytes.unfilled()))?;
        let bytes = bytes.filled();
        if !bytes.is_empty() {
            self.peer.heard();
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        self.line.length += end.unwrap_or(bytes.len());
        self.line.is_whole = end.is_some();
        buffer.put_slice(bytes);
        Poll::Ready(Ok(()))
    }
}
