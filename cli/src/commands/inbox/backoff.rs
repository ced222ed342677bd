//! How long to wait before trying again.

use std::time::Duration;

use crate::failure::Failure;
use crate::system;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// Doubles with every attempt that failed.
#[derive(Default)]
pub(in crate::commands) struct Backoff {
    failed: u32,
}

impl Backoff {
    /// Another attempt has failed: how long to wait before the next one. Between half and all of the time, at random, so
    /// that those who lost one broker at once do not come back at once.
    pub(in crate::commands) fn pause(&mut self) -> Result<Duration, Failure> {
        let longest = FIRST.saturating_mul(2_u32.saturating_pow(self.failed)).min(LONGEST);
        self.failed = self.failed.saturating_add(1);
        let [random] = system::random::<1>()?;
        Ok(longest / 2 + longest.mul_f64(f64::from(random) / 512.0))
    }

    /// How many attempts failed since the last one that went well.
    pub(in crate::commands) fn failed(&self) -> u32 {
        self.failed
    }

    /// An attempt went well.
    pub(in crate::commands) fn reset(&mut self) {
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_over() {
        let mut backoff = Backoff::default();
        for longest in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let pause = backoff.pause().expect("there are random numbers");
            let longest = Duration::from_millis(longest);
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?} of {longest:?}");
        }
        assert_eq!(backoff.failed(), 9);
        backoff.reset();
        assert!(backoff.pause().is_ok_and(|pause| pause <= FIRST));
    }
}
