//! Who may read the log of all chains.

use clap::ValueEnum;
use http::HeaderMap;
use kez_http::bearer::{Given, Token};

/// What an operator says about it.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nobody.
    Off,
    /// Whoever shows the token.
    Token,
    /// Everybody.
    Public,
}

/// Who may read it.
#[derive(Clone, Debug)]
pub enum Export {
    /// Nobody: there is no such path.
    Off,
    /// Whoever shows this token.
    Token(Token),
    /// Everybody.
    Public,
}

impl Export {
    /// What the flags `--export` and `--export-token` come to.
    ///
    /// # Errors
    /// One line that names the flag and repeats no secret.
    pub fn of(mode: Mode, token: Option<&Given>) -> Result<Self, String> {
        match (mode, token) {
            (Mode::Off, None) => Ok(Export::Off),
            (Mode::Public, None) => Ok(Export::Public),
            (Mode::Token, Some(token)) => {
                token.read().map(Export::Token).map_err(|why| format!("--export-token: {why}"))
            }
            (Mode::Token, None) => Err("--export token needs --export-token".to_owned()),
            // Somebody who sets a token means that others are kept out.
            (Mode::Off | Mode::Public, Some(_)) => Err("--export-token goes with --export token alone".to_owned()),
        }
    }

    /// Whether whoever sends these headers may read the log.
    #[must_use]
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        match self {
            Export::Off => false,
            Export::Token(token) => token.is_sent(headers),
            Export::Public => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_and_its_mode_come_together() {
        let given = |text: &str| text.parse::<Given>().expect("any text");
        let token = given("0123456789abcdef");
        assert!(matches!(Export::of(Mode::Off, None), Ok(Export::Off)));
        assert!(matches!(Export::of(Mode::Public, None), Ok(Export::Public)));
        assert!(matches!(Export::of(Mode::Token, Some(&token)), Ok(Export::Token(_))));
        for (mode, token) in [
            (Mode::Token, None),
            (Mode::Off, Some(&token)),
            (Mode::Public, Some(&token)),
            (Mode::Token, Some(&given("short"))),
        ] {
            let why = Export::of(mode, token).expect_err("refused");
            assert!(why.starts_with("--export") && !why.contains("short"), "{why}");
        }
    }
}
