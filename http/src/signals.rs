//! Being told to end.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Completes when the process gets SIGTERM or SIGINT. It hears them from this call on, not only once it is awaited: a
/// signal that comes while a server is starting ends it in order, too.
///
/// # Errors
/// When the system lets no signal be heard.
pub fn told_to_end() -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, id};
    use std::time::Duration;

    use super::told_to_end;

    async fn ends_after(name: &str) {
        let told = told_to_end().expect("signals");
        let sent = Command::new("kill").args([name, &id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        // Long enough for the signal to have ended a process that does not hear it.
        std::thread::sleep(Duration::from_millis(100));
        tokio::time::timeout(Duration::from_secs(5), told).await.expect("it was heard before it was awaited");
    }

    #[tokio::test]
    async fn sigterm_before_the_wait_is_heard() {
        ends_after("-TERM").await;
    }

    #[tokio::test]
    async fn sigint_before_the_wait_is_heard() {
        ends_after("-INT").await;
    }
}
