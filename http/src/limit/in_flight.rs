//! How much of what takes memory, such as a large body, is in flight at a time: a few for all, and a share for every network.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use super::Census;
use crate::client::Client;

/// Who has something in flight.
pub struct InFlight {
    all: usize,
    each: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    count: usize,
    census: Census,
}

/// One that is in flight, until this is dropped.
pub struct Permit {
    client: Client,
    in_flight: Arc<InFlight>,
}

/// Why one more may not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPermit {
    /// The client has as many as it may, or one of its networks has.
    Own,
    /// All are taken.
    All,
}

impl InFlight {
    /// So many for all, and so many of them for one line: an IPv4 address or a /64, of which a /56 and a /48 have two
    /// and four times as many.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Arc<Self> {
        Arc::new(InFlight { all, each, held: Mutex::default() })
    }

    /// One more of a client.
    ///
    /// # Errors
    /// [`NoPermit`].
    pub fn take(self: &Arc<Self>, client: Client) -> Result<Permit, NoPermit> {
        let mut held = self.lock();
        if held.census.full(client, self.each).is_some() {
            return Err(NoPermit::Own);
        }
        if held.count >= self.all {
            return Err(NoPermit::All);
        }
        held.count += 1;
        held.census.add(client);
        Ok(Permit { client, in_flight: self.clone() })
    }

    /// Every change is one step, so nothing is half done behind a panic.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Kept until the answer is sent or given up.
    #[must_use]
    pub fn until_sent(self, response: Response) -> Response {
        response.map(|inner| Body::new(Sending { inner, rest: Bytes::new(), _permit: self }))
    }
}

/// How much of an answer is handed on at a time: the HTTP library takes what there is, and asks for more once that is sent.
const PIECE: usize = 16 * 1024;

/// The body of an answer that holds a permit.
struct Sending {
    inner: Body,
    /// What was taken out of `inner` and not handed on.
    rest: Bytes,
    _permit: Permit,
}

impl hyper::body::Body for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let most = PIECE.min(self.rest.len());
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(most)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut held = self.in_flight.lock();
        held.count -= 1;
        held.census.remove(self.client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all() {
        let in_flight = InFlight::new(12, 2);
        let at = |address: &str| Client::At(address.parse().expect("an address"));
        let take = |address: &str| in_flight.take(at(address)).map_err(|none| assert_eq!(none, NoPermit::Own));
        let mut held: Vec<Permit> = (0..4).filter_map(|_| take("192.0.2.1").ok()).collect();
        assert_eq!(held.len(), 2);
        held.extend((0..20).filter_map(|line| take(&format!("2001:db8:0:{:x}::1", line * 0x100)).ok()));
        assert_eq!(held.len(), 10, "a /48 has eight");
        held.extend((0..4).filter_map(|_| take("203.0.113.1").ok()));
        assert_eq!(held.len(), 12);
        assert_eq!(in_flight.take(at("198.51.100.1")).err(), Some(NoPermit::All));
        held.pop();
        held.extend(in_flight.take(at("198.51.100.1")).ok());
        assert_eq!(held.len(), 12, "one was free");
        drop(held);
        assert_eq!(in_flight.lock().count, 0);
        assert!(
            (0..8)
                .map(|_| in_flight.take(Client::Local([127, 0, 0, 1].into())))
                .collect::<Vec<_>>()
                .iter()
                .all(Result::is_ok)
        );
    }
}
