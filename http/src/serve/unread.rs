//! Bodies: those that come too slowly, and those that nobody reads to their end.
//!
//! Many clients send all of a body before they listen; if the server closed the connection under them, they would see a
//! reset where the answer should be. So what is left is read and thrown away, within bounds.

use std::fmt;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// Bytes of a body that have to come in each second that the server waits for it.
const BYTES_PER_SECOND: u128 = 1024;
/// Most that is thrown away, in bytes: a little more than the largest body that anybody reads, an imported log.
const DISCARDED_BYTES: usize = 33 * 1024 * 1024;
/// How long the discarding waits for more,
const PATIENCE: Duration = Duration::from_millis(500);
/// and how long it takes in all.
const DISCARDING: Duration = Duration::from_secs(10);

/// A request's body, which is given up when it comes too slowly, and sees to its own end.
pub(super) struct Unread {
    body: Option<Incoming>,
    /// How long the server waits before it looks how much has come.
    window: Duration,
    /// What has come since it last looked,
    bytes: usize,
    /// and how long it waited for that, as far as the waiting is over.
    waited: Duration,
    /// Since when it waits now.
    waits: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

/// Why a body did not come whole.
#[derive(Debug)]
pub(super) enum Broken {
    Wire(hyper::Error),
    TooSlow,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Wire(error) => error.fmt(f),
            Broken::TooSlow => f.write_str("the body came too slowly"),
        }
    }
}

impl std::error::Error for Broken {}

impl Unread {
    pub(super) fn new(body: Incoming, window: Duration) -> Self {
        Unread { body: Some(body), window, bytes: 0, waited: Duration::ZERO, waits: None, alarm: None }
    }

    fn came(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.waited += self.waits.take().map_or(Duration::ZERO, |since| since.elapsed());
    }

    /// Ready once a window is over in which too little came. Only the time counts in which somebody waits for the body.
    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let until = *self.waits.get_or_insert_with(Instant::now) + self.window.saturating_sub(self.waited);
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
            if alarm.deadline() != until {
                alarm.as_mut().reset(until);
            }
            ready!(alarm.as_mut().poll(cx));
            if (self.bytes as u128) < BYTES_PER_SECOND * self.window.as_millis() / 1_000 {
                return Poll::Ready(());
            }
            (self.bytes, self.waited, self.waits) = (0, Duration::ZERO, None);
        }
    }
}

impl Body for Unread {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref);
                self.came(data.map_or(0, Bytes::len));
                Poll::Ready(frame.map(|frame| frame.map_err(Broken::Wire)))
            }
            Poll::Pending => {
                ready!(self.poll_too_slow(cx));
                self.body = None;
                Poll::Ready(Some(Err(Broken::TooSlow)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            tokio::spawn(timeout(DISCARDING, discard(body)));
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut discarded = 0;
    while let Ok(Some(Ok(frame))) = timeout(PATIENCE, body.frame()).await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > DISCARDED_BYTES {
            return;
        }
    }
}
