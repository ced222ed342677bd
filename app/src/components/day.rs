//! Days, as people write them.

use kez_core::Timestamp;

/// The day alone, in UTC, as `25 May 2026`: nobody reads a visiting card for its seconds.
#[must_use]
pub fn day(time: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let text = time.to_string();
    let number = |from: usize, to: usize| text[from..to].parse::<usize>().unwrap_or_default();
    format!("{} {} {}", number(8, 10), MONTHS[number(5, 7).clamp(1, 12) - 1], &text[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_read_like_days() {
        assert_eq!(day(Timestamp::from_unix(1_779_678_000)), "25 May 2026");
        assert_eq!(day(Timestamp::from_unix(0)), "1 January 1970");
    }
}
