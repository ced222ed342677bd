//! Prometheus metrics, on a listener of their own so that the public one need not guard them.

use std::future::Future;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::net::TcpListener;

/// Upper bounds of the request time buckets, in seconds.
const BUCKETS: [f64; 9] = [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 2.5];

/// Serves `GET /metrics` until `shutdown` completes. Metrics count from here on.
///
/// # Errors
/// One line, when something else in the process records metrics already.
pub async fn serve(listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("http_request_duration_seconds".to_owned()), &BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| error.to_string())?;
    metrics::describe_histogram!("http_request_duration_seconds", metrics::Unit::Seconds, "Time to answer a request");
    let router = Router::new().route("/metrics", get(async move || recorder.render()));
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await.map_err(|error| error.to_string())
}
