//! Talking to the broker of the key's home server: a login that proves the key, the inbox, and words for what can go
//! wrong. The connection is NATS, plain, in TLS, or inside a WebSocket; a library speaks it.
//!
//! A broker is trusted with no more than carrying bytes: what it says of a message's sender has to agree with the
//! message's own signature, and nothing that it sends may end this program in another way than with a problem.

mod address;
mod delivery;
mod inbox;
mod mailbox;
mod member;
mod session;

use std::future::Future;
use std::panic;

use tokio::runtime::Builder;

pub(crate) use self::address::BrokerUrl;
pub(crate) use self::delivery::{Again, Stored};
pub(crate) use self::inbox::{Answer, Inbox, Message, Verdict};
pub(crate) use self::mailbox::{Mailbox, Out as MailboxOut};
pub(crate) use self::member::Member;
pub(crate) use self::session::{Lost, Session};
use crate::failure::{Failure, Local};

/// Runs what talks to a broker; everything else in this program waits for one thing at a time, and needs no runtime.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Local::Io, format!("The operating system gives no event queue: {error}.")))?;
    keep_the_librarys_panics_quiet();
    let result = runtime.block_on(work);
    // A look-up that is still under way is nobody's any more.
    runtime.shutdown_background();
    result
}

/// The library panics on some lines that no NATS server sends. That ends a task of its own and is told as a problem
/// (see [`Session::open`] and [`Lost`]); what the panic would print on stderr is in nobody's format.
fn keep_the_librarys_panics_quiet() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let is_the_librarys =
            panic.location().is_some_and(|at| ["/async-nats-", "/bytes-"].iter().any(|name| at.file().contains(name)));
        if !is_the_librarys {
            usual(panic);
        }
    }));
}
