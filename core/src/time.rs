//! Times: `YYYY-MM-DDTHH:MM:SSZ`, RFC 3339 in UTC with whole seconds and a literal `Z`.

use std::fmt;
use std::str::FromStr;

const SECONDS_PER_DAY: i64 = 86_400;
/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what four digits can write.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

/// A moment in whole seconds since 1970-01-01T00:00:00Z, of a year that four digits can write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is not `YYYY-MM-DDTHH:MM:SSZ`, or that day or second does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written YYYY-MM-DDTHH:MM:SSZ, in UTC and whole seconds")]
pub struct MalformedTime;

impl Timestamp {
    /// From seconds since the Unix epoch, clamped to the years 0000 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Timestamp(seconds.clamp(FIRST, LAST))
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// So many seconds later.
    #[must_use]
    pub fn after(self, seconds: u64) -> Self {
        Timestamp::from_unix(self.0.saturating_add_unsigned(seconds))
    }

    /// The distance to `other` in seconds, whichever is later.
    #[must_use]
    pub const fn abs_diff(self, other: Timestamp) -> u64 {
        self.0.abs_diff(other.0)
    }
}

impl FromStr for Timestamp {
    type Err = MalformedTime;

    fn from_str(text: &str) -> Result<Self, MalformedTime> {
        let b = text.as_bytes();
        let punctuation = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
        if b.len() != 20 || punctuation.iter().any(|&(at, mark)| b[at] != mark) {
            return Err(MalformedTime);
        }
        let number = |from: usize, to: usize| {
            b[from..to].iter().try_fold(0_i64, |n, d| {
                if d.is_ascii_digit() { Ok(n * 10 + i64::from(d - b'0')) } else { Err(MalformedTime) }
            })
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let days_in_month = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap(year) => 29,
            2 => 28,
            _ => return Err(MalformedTime),
        };
        // Second 60 is refused: a leap second has no place in a count of Unix seconds.
        if day < 1 || day > days_in_month || hour > 23 || minute > 59 || second > 59 {
            return Err(MalformedTime);
        }
        Ok(Timestamp(days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second))
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar. Years are counted from March, so that
/// the leap day is the last of its year and month lengths follow one formula.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(SECONDS_PER_DAY));
        let s = self.0.rem_euclid(SECONDS_PER_DAY);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", s / 3600, s / 60 % 60, s % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (text, unix) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-05-25T03:00:00Z", 1_779_678_000),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("1969-12-31T23:59:59Z", -1),
            ("0000-01-01T00:00:00Z", FIRST),
            ("9999-12-31T23:59:59Z", LAST),
        ] {
            assert_eq!(text.parse(), Ok(Timestamp(unix)), "{text}");
            assert_eq!(Timestamp(unix).to_string(), text);
        }
    }

    #[test]
    fn refuses_every_other_spelling() {
        for text in [
            "",
            "2026-05-25",
            "2026-05-25T03:00:00",
            "2026-05-25t03:00:00Z",
            "2026-05-25T03:00:00z",
            "2026-05-25 03:00:00Z",
            "2026-05-25T03:00:00.0Z",
            "2026-05-25T03:00:00+00:00",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2016-12-31T23:59:60Z",
            "+026-01-01T00:00:00Z",
            "2026-05-25T03:00:00Z ",
            "２026-05-25T03:00:0Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(MalformedTime), "{text}");
        }
    }

    #[test]
    fn every_day_of_ten_thousand_years_survives_a_round_trip() {
        for day in FIRST / SECONDS_PER_DAY..=LAST / SECONDS_PER_DAY {
            let (y, m, d) = civil_from_days(day);
            assert_eq!(days_from_civil(y, m, d), day);
        }
    }
}
