//! Words for clocks that are wrong.

use crate::system;

/// That the server's clock is so many seconds ahead of this machine's, or behind it.
pub(crate) fn apart(ahead: i64) -> String {
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    format!("This machine's clock is {} {side} the server's", duration(ahead.unsigned_abs()))
}

/// Seconds as somebody says them, not more exactly than it matters.
fn duration(secs: u64) -> String {
    match secs {
        0..120 => format!("{secs} seconds"),
        120..7_200 => format!("{} minutes", (secs + 30) / 60),
        7_200..172_800 => format!("{} hours", (secs + 1_800) / 3_600),
        _ => format!("{} days", (secs + 43_200) / 86_400),
    }
}

/// What it may mean that a certificate is over, or has not begun, by the words of the library; nothing for others.
pub(crate) fn suspicion(said: &str) -> String {
    let said = said.to_ascii_lowercase();
    if ["expired", "not valid yet", "notvalidyet"].iter().any(|word| said.contains(word)) {
        format!(" This machine's clock says {}; is it right?", system::now())
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_apart_as_people_say_it() {
        assert_eq!(apart(2_400), "This machine's clock is 40 minutes behind the server's");
        assert_eq!(apart(-301), "This machine's clock is 5 minutes ahead of the server's");
        for (secs, says) in [(90, "90 seconds"), (7_199, "120 minutes"), (7_200, "2 hours"), (31_536_000, "365 days")] {
            assert_eq!(duration(secs), says);
        }
    }

    #[test]
    fn a_certificate_that_is_over_makes_the_clock_suspicious() {
        let over = suspicion("invalid peer certificate: certificate expired: verification time 1795391798");
        assert!(over.contains("clock says 20"), "{over}");
        assert_eq!(suspicion("invalid peer certificate: UnknownIssuer"), "");
    }
}
