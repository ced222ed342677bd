//! Work that keeps a processor busy for long, apart from the threads that answer everybody.

use std::sync::Arc;

use tokio::sync::Semaphore;

use kez_store::StoreError;

/// A few places for such work. Whoever finds none free waits in line, and holds up nobody else.
#[derive(Clone)]
pub(crate) struct Heavy(Arc<Semaphore>);

impl Heavy {
    /// So many places, at least one.
    pub(crate) fn new(places: usize) -> Self {
        Heavy(Arc::new(Semaphore::new(places.max(1))))
    }

    /// A place for every second processor, so that others are left for everybody.
    pub(crate) fn for_this_machine() -> Self {
        Heavy::new(std::thread::available_parallelism().map_or(1, |processors| processors.get() / 2))
    }

    /// Does the work when there is a place for it. The place is taken until the work is done, also when whoever asked
    /// for it goes away.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the work panics, or the process ends.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let lost = |error: String| StoreError::Unavailable(format!("work was not finished: {error}"));
        let place = self.0.clone().acquire_owned().await.map_err(|error| lost(error.to_string()))?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|error| lost(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn places_are_taken_until_the_work_is_done() {
        let heavy = Heavy::new(1);
        let (go, gone) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let heavy = heavy.clone();
            async move {
                let work = move || {
                    started.send(()).expect("the test waits");
                    gone.recv()
                };
                heavy.run(work).await
            }
        });
        has_started.await.expect("it starts");
        // Whoever asked goes away; the work does not, and nothing else starts beside it.
        first.abort();
        let second = tokio::spawn(async move { heavy.run(|| 2).await });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!second.is_finished());
        go.send(()).expect("the work waits");
        assert_eq!(second.await.expect("it ends").expect("it is done"), 2);
    }
}
