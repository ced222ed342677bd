//! Prometheus metrics, on a listener of their own so that the public one need not guard them.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

/// Upper bounds of the request time buckets, in seconds.
const BUCKETS: [f64; 9] = [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 2.5];
/// How often what was measured is added up. Until then each measurement is kept by itself, and a reader who never comes
/// would let them grow without end.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves `GET /metrics` until `shutdown` completes. Metrics count from here on.
///
/// # Errors
/// One line, when something else in the process records metrics already.
pub async fn serve(listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
    let handle = builder().install_recorder().map_err(|error| error.to_string())?;
    metrics::describe_histogram!("http_request_duration_seconds", metrics::Unit::Seconds, "Time to answer a request");
    metrics::describe_counter!(
        "http_requests_without_client_address_total",
        "Requests from trusted proxies that did not say whose they are"
    );
    metrics::describe_counter!(
        "http_connections_refused_total",
        "Connections that there was no place for, of all or of their address"
    );
    metrics::describe_counter!("key_packages_put_total", "One-time key packages that devices left here");
    metrics::describe_counter!(
        "key_packages_claimed_total",
        "Devices of which a key package was claimed, by what was given: one_time, last_resort or missing"
    );
    metrics::describe_counter!("conversations_started_total", "Conversations whose commits are put in order here");
    metrics::describe_counter!(
        "conversation_commits_total",
        "Commits that were sent, by what was answered: added, known, conflict, not_a_member, not_found or too_many"
    );
    metrics::describe_counter!(
        "chat_instances_total",
        "Instances of devices' states, by the answer: new, known, or conflict of a copy or a restored state"
    );
    let rendered = handle.clone();
    let router = Router::new().route("/metrics", get(async move || rendered.render()));
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown);
    tokio::select! {
        served = served => served.map_err(|error| error.to_string()),
        () = keep_house(handle, UPKEEP) => Ok(()),
    }
}

fn builder() -> PrometheusBuilder {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("http_request_duration_seconds".to_owned()), &BUCKETS)
        .expect("there are buckets")
}

/// Adds up what was measured, again and again.
async fn keep_house(handle: PrometheusHandle, every: Duration) {
    let mut rounds = tokio::time::interval(every);
    loop {
        rounds.tick().await;
        handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory of this process, in KiB.
    fn resident() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_nobody_reads_takes_no_memory() {
        let recorder = builder().build_recorder();
        let handle = recorder.handle();
        let upkeep = tokio::spawn(keep_house(handle.clone(), Duration::from_millis(1)));
        let histogram =
            metrics::with_local_recorder(&recorder, || metrics::histogram!("http_request_duration_seconds"));
        let before = resident();
        for _ in 0..1_000 {
            for _ in 0..4_000 {
                histogram.record(0.001);
            }
            tokio::time::sleep(Duration::from_micros(1)).await;
        }
        let grown = resident().saturating_sub(before);
        // Four million measurements are 32 MB, each by itself.
        assert!(grown < 12_000, "{grown} KiB");
        assert!(handle.render().contains("http_request_duration_seconds_count 4000000"));
        upkeep.abort();
    }
}
