//! What is known of one connection while it is served: whether the server waits for who is there, and since when.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::limits::Patience;

/// Bytes of an answer that have to be taken within the patience for them; else nobody really reads.
const READ_BYTES: u64 = 16 * 1024;

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nothing was heard yet.
    New = 0,
    /// A request's head is coming in.
    Head = 1,
    /// A request is being answered.
    Busy = 2,
    /// The last answer is done; the next request has not begun.
    Quiet = 3,
}

/// One connection. Its task writes what happens; who watches over all connections reads it.
pub(super) struct Peer {
    opened: Instant,
    phase: AtomicU8,
    /// When the phase began. Times are milliseconds since the connection was opened.
    since: AtomicU64,
    /// When an answer could not be written on; 0 while none waits.
    blocked: AtomicU64,
    /// Bytes that were written.
    written: AtomicU64,
    /// What `written` was when an answer could not be written on.
    written_then: AtomicU64,
    /// Requests that came.
    pub(super) requests: AtomicU64,
    /// Told when the connection has to end.
    pub(super) cut: Notify,
}

impl Peer {
    pub(super) fn new(opened: Instant) -> Self {
        let zero = AtomicU64::default;
        let (since, blocked, written, written_then, requests) = (zero(), zero(), zero(), zero(), zero());
        let (phase, cut) = (AtomicU8::new(Phase::New as u8), Notify::new());
        Peer { opened, phase, since, blocked, written, written_then, requests, cut }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::New,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Quiet,
        }
    }

    /// Bytes came in. A connection's first head has its time from the start of the connection, every other from here.
    pub(super) fn heard(&self) {
        match self.phase() {
            Phase::New => self.phase.store(Phase::Head as u8, Ordering::Relaxed),
            Phase::Quiet => self.enter(Phase::Head),
            Phase::Head | Phase::Busy => {}
        }
    }

    /// A request's head is whole.
    pub(super) fn asked(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.enter(Phase::Busy);
    }

    /// The answer's last bytes were made. They may still wait to be taken.
    pub(super) fn answered(&self) {
        self.enter(Phase::Quiet);
    }

    /// Nothing more can be written until something is taken.
    pub(super) fn is_blocked(&self) {
        if self.blocked.load(Ordering::Relaxed) == 0 {
            self.written_then.store(self.written.load(Ordering::Relaxed), Ordering::Relaxed);
            self.blocked.store(self.now().max(1), Ordering::Relaxed);
        }
    }

    /// So many bytes were taken.
    pub(super) fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// All that was there to write was taken.
    pub(super) fn flushed(&self) {
        self.blocked.store(0, Ordering::Relaxed);
    }

    /// Whether the server waits for nobody here, but works.
    pub(super) fn is_worked_for(&self) -> bool {
        self.phase() == Phase::Busy && self.blocked.load(Ordering::Relaxed) == 0
    }

    /// Whether the server has waited longer than that. Call it now and then: it looks at what happened since.
    pub(super) fn is_overdue(&self, patience: Patience) -> bool {
        let now = self.now();
        let lasts = |since: u64, limit: Duration| u128::from(now.saturating_sub(since)) > limit.as_millis();
        let blocked = self.blocked.load(Ordering::Relaxed);
        if blocked > 0 && lasts(blocked, patience.quiet) {
            let written = self.written.load(Ordering::Relaxed);
            if written.saturating_sub(self.written_then.swap(written, Ordering::Relaxed)) < READ_BYTES {
                return true;
            }
            // It was flushed meanwhile, or it goes on: then the time begins anew.
            let _ = self.blocked.compare_exchange(blocked, now.max(1), Ordering::Relaxed, Ordering::Relaxed);
        }
        let since = self.since.load(Ordering::Relaxed);
        match self.phase() {
            Phase::New | Phase::Head => lasts(since, patience.head),
            Phase::Quiet => lasts(since, patience.quiet),
            Phase::Busy => false,
        }
    }

    fn enter(&self, phase: Phase) {
        // In this order, or a watcher could see the new phase with the old one's beginning.
        self.since.store(self.now(), Ordering::Release);
        self.phase.store(phase as u8, Ordering::Release);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
