//! What an answer costs by its size, which is known only while it is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::Method;
use hyper::body::{Body as _, Frame, SizeHint};

use super::Limiter;
use crate::client::Client;

/// Bytes that cost as much as a small request does.
const UNIT: usize = 16 * 1024;

/// Charges `client` for the answer as it is sent. What is smaller than a unit was paid for with the request.
pub(crate) fn weigh(limiter: &Arc<Limiter>, client: Client, method: &Method, response: Response) -> Response {
    let is_small = response.body().size_hint().upper().is_some_and(|bytes| bytes < UNIT as u64);
    if is_small || matches!(client, Client::Local(_)) || *method == Method::HEAD {
        return response;
    }
    let (limiter, method) = (limiter.clone(), method.clone());
    response.map(|inner| Body::new(Weighed { inner, limiter, client, method, unpaid: 0 }))
}

struct Weighed {
    inner: Body,
    limiter: Arc<Limiter>,
    client: Client,
    method: Method,
    /// Bytes that were sent and not charged yet: less than a unit.
    unpaid: usize,
}

impl hyper::body::Body for Weighed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.unpaid += frame.data_ref().map_or(0, Bytes::len);
            let units = u32::try_from(self.unpaid / UNIT).unwrap_or(u32::MAX);
            if units > 0 {
                self.limiter.charge(self.client, &self.method, units);
                self.unpaid %= UNIT;
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn large_answers_are_paid_for_and_small_ones_are_not() {
        let limiter = Arc::new(Limiter::new(NonZeroU32::MIN, NonZeroU32::new(10).expect("10 is not 0")));
        let at = |last: u8| Client::At([192, 0, 2, last].into());
        let send = async |client, method, bytes: usize| {
            let body = weigh(&limiter, client, &method, Response::new(vec![b'x'; bytes].into())).into_body();
            assert_eq!(body.size_hint().exact(), Some(bytes as u64));
            assert_eq!(body.collect().await.expect("it is sent").to_bytes().len(), bytes);
        };
        let is_in_debt = |client| limiter.check(client, &Method::GET, 1).is_err();
        send(at(1), Method::GET, UNIT - 1).await;
        send(at(1), Method::HEAD, 100 * UNIT).await;
        send(Client::Local([127, 0, 0, 1].into()), Method::GET, 100 * UNIT).await;
        assert!(!is_in_debt(at(1)));
        send(at(2), Method::GET, 25 * UNIT).await;
        assert!(is_in_debt(at(2)));
        assert!(!is_in_debt(at(3)));
    }
}
