//! Work that the page does not wait for.

use std::future::Future;
use std::pin::Pin;

use leptos::task::spawn_local;

/// Does `work` beside everything else. All of it is of one type to whoever runs it: what a type of its own would add to
/// the program is many times what the work needs.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
    spawn_local(work);
}
