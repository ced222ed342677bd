//! Rows that were found good, so that each receipt's signature is verified once and not for everybody who reads it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kez_core::Hash;

use kez_store::sigchains::Row;

/// Rows of one page.
const ROWS: u64 = 512;
/// What one takes, in bytes.
const PAGE_BYTES: u64 = ROWS * 16;

/// Half a SHA-256 of a row; all zeros is none.
type Digest = [u8; 16];

/// Remembers rows by log index, the pages that came last.
pub(crate) struct Seen {
    /// How many pages are remembered, at least one.
    room: usize,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    by_number: HashMap<u64, Box<[Digest]>>,
    /// The numbers of the pages, the oldest first.
    order: VecDeque<u64>,
}

impl Seen {
    /// Remembers rows in about so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let room = usize::try_from(bytes / PAGE_BYTES).unwrap_or(usize::MAX).max(1);
        Seen { room, pages: Mutex::default() }
    }

    /// Whether this very row was found good, byte for byte.
    pub(crate) fn has(&self, row: &Row) -> bool {
        let digest = digest(row);
        let pages = self.lock();
        let page = pages.by_number.get(&(row.log_index / ROWS));
        page.is_some_and(|page| page[place(row)] == digest)
    }

    /// Remembers that this row is good.
    pub(crate) fn note(&self, row: &Row) {
        let digest = digest(row);
        let mut pages = self.lock();
        let number = row.log_index / ROWS;
        if !pages.by_number.contains_key(&number) {
            if pages.order.len() >= self.room
                && let Some(oldest) = pages.order.pop_front()
            {
                pages.by_number.remove(&oldest);
            }
            pages.order.push_back(number);
        }
        let empty = || vec![Digest::default(); ROWS as usize].into();
        pages.by_number.entry(number).or_insert_with(empty)[place(row)] = digest;
    }

    /// Every change is one step, so nothing is half done behind a panic.
    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(row: &Row) -> usize {
    usize::try_from(row.log_index % ROWS).unwrap_or_default()
}

fn digest(row: &Row) -> Digest {
    let Row { log_index, chain, entry, id, event, received_at, receipt } = row;
    let numbers = [*log_index, *entry, event.len() as u64].map(u64::to_be_bytes).concat();
    let bytes = [
        numbers.as_slice(),
        &received_at.unix().to_be_bytes(),
        chain.as_bytes().as_slice(),
        id.as_bytes().as_slice(),
        event,
        receipt,
    ];
    let hash = Hash::of(&bytes.concat());
    std::array::from_fn(|at| hash.as_bytes()[at])
}

#[cfg(test)]
mod tests {
    use kez_core::{SigningKey, Timestamp};

    use super::*;

    fn row(log_index: u64) -> Row {
        Row {
            log_index,
            chain: SigningKey::from_seed(&[1; 32]).id(),
            entry: 3,
            id: Hash::of(b"event"),
            event: b"event".to_vec(),
            received_at: Timestamp::from_unix(7),
            receipt: b"receipt".to_vec(),
        }
    }

    #[test]
    fn a_row_is_known_by_all_of_it() {
        let seen = Seen::new(1 << 20);
        assert!(!seen.has(&row(1)));
        seen.note(&row(1));
        assert!(seen.has(&row(1)) && !seen.has(&row(2)) && !seen.has(&row(1 + ROWS)));
        let changes: [fn(&mut Row); 6] = [
            |row| row.chain = SigningKey::from_seed(&[2; 32]).id(),
            |row| row.entry = 4,
            |row| row.id = Hash::of(b"other"),
            |row| row.event = b"events".to_vec(),
            |row| row.received_at = Timestamp::from_unix(8),
            |row| row.receipt = b"other".to_vec(),
        ];
        for change in changes {
            let mut changed = row(1);
            change(&mut changed);
            assert!(!seen.has(&changed), "{changed:?}");
        }
        // What moves from one member into the next is another row.
        let moved = Row { event: b"eventr".to_vec(), receipt: b"eceipt".to_vec(), ..row(1) };
        assert!(!seen.has(&moved));
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes() {
        let seen = Seen::new(1 << 20);
        let pages = 128 + 10;
        (0..pages).for_each(|page| seen.note(&row(page * ROWS)));
        assert_eq!(seen.lock().by_number.len(), 128);
        assert!(!seen.has(&row(0)) && seen.has(&row((pages - 1) * ROWS)) && seen.has(&row(10 * ROWS)));
    }
}
