//! How much an identity may have waiting, and what becomes of one that has more: it loses the right to send until it is
//! less, while everything else goes on. The broker itself knows no such limit.
//!
//! What is stored is looked at message by message, as it comes, by its number: nobody can make that dearer than sending
//! was. The whole stream is listed only when a connection to the broker begins, and only if the list is short.

mod congestion;
mod enforce;
mod limits;
mod rights;
mod share;
mod stream;
mod tally;
mod watch;

pub use limits::BrokerLimits;
pub(super) use rights::Rights;
pub(super) use share::hear;
pub(super) use watch::watch;
