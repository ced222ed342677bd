//! When to try again: after 1 s, 2 s, 4 s … up to a minute, each half of it by chance, so that many who lost the same
//! broker do not come back in step.

/// Seconds of the longest wait.
const LONGEST: u32 = 60;

/// Seconds to wait after the `failures`th failure in a row, counted from 1; `chance` is a random byte.
pub(super) fn wait_secs(failures: u32, chance: u8) -> u32 {
    let whole = 1_u32.checked_shl(failures.saturating_sub(1)).map_or(LONGEST, |secs| secs.min(LONGEST));
    let half = whole.div_ceil(2);
    half + (whole - half) * u32::from(chance) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_vary_by_half() {
        let range = |failures| (wait_secs(failures, 0), wait_secs(failures, u8::MAX));
        assert_eq!([1, 2, 3, 4].map(range), [(1, 1), (1, 2), (2, 4), (4, 8)]);
        assert_eq!(range(7), (30, 60));
        assert_eq!(range(40), (30, 60), "however often it failed");
        for chance in 0..=u8::MAX {
            assert!((4..=8).contains(&wait_secs(4, chance)));
        }
    }
}
