//! Work whose type is nobody's concern: all of it is of one type to whoever runs it. What a type of its own would add to the
//! program is many times what the work needs.

use std::future::Future;
use std::pin::Pin;

use leptos::task::spawn_local;

/// What is answered once it is known.
pub(crate) type Later<T> = Pin<Box<dyn Future<Output = T>>>;

/// Does `work` beside everything else; the page does not wait for it.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    let work: Later<()> = Box::pin(work);
    spawn_local(work);
}
