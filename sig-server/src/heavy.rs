//! Work that keeps a processor busy for long, apart from the threads that answer everybody, and after them: the system lets it
//! run when they have nothing to do.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use kez_store::StoreError;
use tokio::sync::{Semaphore, oneshot};

/// How much less its threads are worth than others, as nice(1) counts.
const NICE: i32 = 10;

type Work = Box<dyn FnOnce() + Send>;

/// A few threads for such work. Whoever finds none free waits in line, and holds up nobody else.
#[derive(Clone)]
pub(crate) struct Heavy {
    /// A permit for each thread: what waits is not with them yet, so that it goes when whoever asked for it does.
    places: Arc<Semaphore>,
    work: mpsc::Sender<Work>,
}

impl Heavy {
    /// So many threads, at least one, until the last of these is dropped.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub(crate) fn new(places: usize) -> io::Result<Self> {
        let (work, waiting) = mpsc::channel::<Work>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..places.max(1) {
            let waiting = waiting.clone();
            std::thread::Builder::new().name("kez-heavy".to_owned()).spawn(move || run(&waiting))?;
        }
        Ok(Heavy { places: Arc::new(Semaphore::new(places.max(1))), work })
    }

    /// Does the work when there is a thread for it. It is done to its end, also when whoever asked for it goes away.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the work panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let lost = |error: String| StoreError::Unavailable(format!("work was not finished: {error}"));
        let place = self.places.clone().acquire_owned().await.map_err(|error| lost(error.to_string()))?;
        let (done, is_done) = oneshot::channel();
        let work = move || {
            // Nobody may wait any more.
            let _ = done.send(work());
            drop(place);
        };
        self.work.send(Box::new(work)).map_err(|error| lost(error.to_string()))?;
        is_done.await.map_err(|error| lost(error.to_string()))
    }
}

/// Does what is waiting, for as long as something may come.
fn run(waiting: &Mutex<mpsc::Receiver<Work>>) {
    // Elsewhere this is a matter of the whole process. Where it is refused, work is worth as much as answers are.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // A panic is a defect, and was told of; the thread has to go on.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn places_are_taken_until_the_work_is_done() {
        let heavy = Heavy::new(1).expect("a thread");
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

    #[tokio::test]
    async fn a_panic_is_told_and_takes_no_thread() {
        let heavy = Heavy::new(1).expect("a thread");
        let panicked = heavy.run(|| assert_eq!(1, 2, "it has to panic")).await;
        assert!(matches!(panicked, Err(StoreError::Unavailable(_))));
        assert_eq!(heavy.run(|| 3).await, Ok(3));
    }
}
