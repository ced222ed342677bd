//! How soon something may be repaired again.

use std::time::Duration;

use tokio::time::Instant;

/// Longest pause between two repairs, and the time after which one is forgotten.
const CALM: Duration = Duration::from_secs(60);
/// The pause between repairs that the log tells of.
const AGAIN: Duration = Duration::from_secs(4);

/// How often something was repaired lately. Two who want it otherwise would change it for ever, as fast as they can.
#[derive(Default)]
pub(super) struct Repairs {
    times: u32,
    /// When the next one may be.
    next: Option<Instant>,
}

impl Repairs {
    /// Whether it may be repaired now: the first and the second time at once, then after longer and longer pauses.
    pub(super) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let next = self.next.unwrap_or(now);
        if now < next {
            return false;
        }
        if now.duration_since(next) > CALM {
            self.times = 0;
        }
        let doublings = self.times.checked_sub(1);
        let pause = doublings.map_or(Duration::ZERO, |doublings| Duration::from_secs(1 << doublings.min(6)).min(CALM));
        if pause >= AGAIN {
            tracing::warn!(pause_secs = pause.as_secs(), "the inboxes are changed again and again");
        }
        self.times += 1;
        self.next = Some(now + pause);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn repairs_of_one_thing_come_slower_and_slower() {
        let mut repairs = Repairs::default();
        let mut waits = async |times: usize| {
            let mut waits = Vec::new();
            for _ in 0..times {
                let before = Instant::now();
                while !repairs.is_due() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                waits.push(before.elapsed().as_secs());
            }
            waits
        };
        assert_eq!(waits(10).await, [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
        tokio::time::sleep(3 * CALM).await;
        assert_eq!(waits(3).await, [0, 0, 1], "what is long past does not count");
    }
}
