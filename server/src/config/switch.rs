//! Settings that are on or off.

/// Reads a switch: `on` or `off`, as the documents have it, and in the other words that people have for it.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("it is on or off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Config;

    fn read(flags: &[&str]) -> Option<(bool, bool)> {
        let config = Config::try_parse_from(["kez-chat-server"].iter().chain(flags)).ok()?;
        Some((config.claim_checks, config.nats.nats_allow_stock_nkey))
    }

    #[test]
    fn every_switch_is_written_in_the_same_ways() {
        assert_eq!(read(&[]), Some((true, false)));
        for (word, is_on) in
            [("on", true), ("true", true), ("Yes", true), ("1", true), ("off", false), ("FALSE", false)]
        {
            for (flag, value) in [("--claim-checks", (is_on, false)), ("--nats-allow-stock-nkey", (true, is_on))] {
                assert_eq!(read(&[flag, word]), Some(value), "{flag} {word}");
                assert_eq!(read(&[&format!("{flag}={word}")]), Some(value), "{flag}={word}");
            }
        }
        // Named alone, a switch is on.
        assert_eq!(read(&["--nats-allow-stock-nkey", "--claim-checks"]), Some((true, true)));
        for bad in ["--claim-checks=", "--claim-checks=maybe", "--nats-allow-stock-nkey=2"] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
        assert_eq!(read(&["--nats-allow-stock-nkey", "maybe"]), None);
    }
}
