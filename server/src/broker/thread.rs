//! A thread with a runtime of its own. What a login takes is done by tasks that wake one another, and here no other thread
//! has to be woken for it.

use std::future::{Future, pending};
use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Ends, with all that runs on it, when it is dropped.
pub(super) struct Thread {
    runtime: Handle,
    _until: oneshot::Sender<()>,
}

impl Thread {
    /// Starts a thread of this name.
    ///
    /// # Errors
    /// When the system has none to give.
    pub(super) fn start(name: &str) -> io::Result<Thread> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (_until, dropped) = oneshot::channel::<()>();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Nothing is ever sent; the other end goes.
            let _ = runtime.block_on(dropped);
            // Whoever waits for what still runs hears that it was cancelled, at once.
            runtime.shutdown_background();
        })?;
        Ok(Thread { runtime: handle, _until })
    }

    /// Runs `work` on the thread.
    pub(super) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.runtime.spawn(work)
    }

    /// The outcome of `work` there. Should the thread be gone, there is none, ever.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match self.spawn(work).await {
            Ok(outcome) => outcome,
            Err(_) => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_on_the_thread_until_it_is_dropped() {
        let thread = Thread::start("kez-test").expect("a thread");
        let name = || thread::current().name().map(str::to_owned);
        assert_eq!(thread.run(async move { name() }).await.as_deref(), Some("kez-test"));
        let endless = thread.spawn(pending::<()>());
        drop(thread);
        assert!(endless.await.expect_err("it did not end by itself").is_cancelled());
    }
}
