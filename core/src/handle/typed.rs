//! Handles as people type and paste them: out of a chat, an address bar, a phone's keyboard.

use std::str::FromStr;

use super::{Handle, InvalidHandle};
use crate::server_name::ServerName;
use crate::text::is_hidden;

/// A handle that somebody wrote, perhaps with its server. What was around it is understood and gone; the letters are still
/// those that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    handle: String,
    server: Option<ServerName>,
}

/// Why a text is no handle in any of the forms in which people write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTyped {
    /// There is nothing to read.
    #[error("Type a handle.")]
    Nothing,
    /// The address of something else than a profile.
    #[error("This is not a profile's address: those end in /@ and the handle.")]
    OtherAddress,
    /// What stands behind the `@` cannot be a server's name.
    #[error("What stands behind the @ is not a server's name.")]
    BadServer,
}

impl Typed {
    /// The server that was written with it: behind an `@`, or as the host of an address.
    #[must_use]
    pub const fn server(&self) -> Option<&ServerName> {
        self.server.as_ref()
    }

    /// The handle for looking it up, with capital letters folded.
    ///
    /// # Errors
    /// [`InvalidHandle`] when no handle can have this spelling.
    pub fn for_lookup(&self) -> Result<Handle, InvalidHandle> {
        Handle::for_lookup(&self.handle)
    }

    /// The handle for registering it: capital letters are not folded.
    ///
    /// # Errors
    /// [`InvalidHandle`] when the letters are not those of a handle.
    pub fn exact(&self) -> Result<Handle, InvalidHandle> {
        self.handle.parse()
    }
}

impl FromStr for Typed {
    type Err = NotTyped;

    /// Reads `alice`, `@alice`, `alice@kez.example`, `acct:alice@kez.example`, or the address of her profile with or
    /// without its scheme; white space around it and hidden characters in it do not count.
    fn from_str(text: &str) -> Result<Self, NotTyped> {
        let text: String = text.trim().chars().filter(|c| !is_hidden(*c)).collect();
        let text = text.trim();
        if let Some((server, rest)) = address(text) {
            let handle = rest.split(['?', '#']).next().unwrap_or_default();
            let handle = handle.strip_suffix('/').unwrap_or(handle);
            return Ok(Typed { handle: handle.to_owned(), server: Some(server?) });
        }
        if without_prefix(text, "https://").or(without_prefix(text, "http://")).is_some() {
            return Err(NotTyped::OtherAddress);
        }
        let name = without_prefix(text, "acct:").unwrap_or(text);
        let name = name.strip_prefix('@').unwrap_or(name);
        let (handle, server) = match name.split_once('@') {
            Some((handle, server)) => (handle, Some(server.parse().map_err(|_| NotTyped::BadServer)?)),
            None => (name, None),
        };
        if handle.is_empty() { Err(NotTyped::Nothing) } else { Ok(Typed { handle: handle.to_owned(), server }) }
    }
}

/// The server and what follows `/@`, of the address of a profile.
fn address(text: &str) -> Option<(Result<ServerName, NotTyped>, &str)> {
    let (rest, implied) = match (without_prefix(text, "https://"), without_prefix(text, "http://")) {
        (Some(rest), _) => (rest, ":443"),
        (None, Some(rest)) => (rest, ":80"),
        (None, None) => (text, ":443"),
    };
    let (host, path) = rest.split_once('/')?;
    let handle = path.strip_prefix('@').or(without_prefix(path, "%40"))?;
    let server = host.strip_suffix(implied).unwrap_or(host).parse().map_err(|_| NotTyped::BadServer);
    Some((server, handle))
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let begins = text.get(..prefix.len())?;
    if begins.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<String>) {
        let typed: Typed = text.parse().expect("it is understood");
        (typed.for_lookup().expect("it is a handle").to_string(), typed.server().map(ToString::to_string))
    }

    #[test]
    fn what_people_write_is_understood() {
        for text in
            ["alice", "alice ", " alice", "@alice", "Alice", "alice\r\n", "\u{feff}al\u{200b}ice\u{ad}", "acct:alice"]
        {
            assert_eq!(read(text), ("alice".to_owned(), None), "{text:?}");
        }
        for text in [
            "alice@kez.example",
            "@alice@kez.example",
            "acct:alice@kez.example",
            "ACCT:Alice@KEZ.example ",
            "https://kez.example/@alice",
            "https://kez.example:443/@alice/",
            "http://kez.example:80/@alice",
            "HTTPS://Kez.example/@Alice?from=mail#proof",
            "kez.example/@alice",
            "kez.example/%40alice",
        ] {
            assert_eq!(read(text), ("alice".to_owned(), Some("kez.example".to_owned())), "{text:?}");
        }
        assert_eq!(read("http://localhost:6969/@alice").1.as_deref(), Some("localhost:6969"));
        assert_eq!(read("alice@[::1]:6969").1.as_deref(), Some("[::1]:6969"));
    }

    #[test]
    fn what_is_wrong_is_told_and_nothing_is_guessed() {
        for (text, why) in [
            ("", NotTyped::Nothing),
            (" \u{200b}\r\n", NotTyped::Nothing),
            ("@", NotTyped::Nothing),
            ("acct:", NotTyped::Nothing),
            ("@kez.example@", NotTyped::BadServer),
            ("alice@", NotTyped::BadServer),
            ("alice@kez/example", NotTyped::BadServer),
            ("alice@bob@kez.example", NotTyped::BadServer),
            ("https://u:p@kez.example/@alice", NotTyped::BadServer),
            ("https://kez.example", NotTyped::OtherAddress),
            ("https://kez.example/alice", NotTyped::OtherAddress),
        ] {
            assert_eq!(text.parse::<Typed>(), Err(why), "{text:?}");
        }
        let lookup = |text: &str| text.parse::<Typed>().expect("a form that is known").for_lookup();
        assert_eq!(lookup("al ice"), Err(InvalidHandle::BadCharacter));
        assert_eq!(lookup("kez.example/alice"), Err(InvalidHandle::BadCharacter));
        assert_eq!(lookup("https://kez.example/@"), Err(InvalidHandle::TooShort));
        assert_eq!(lookup("https://kez.example/@alice/more"), Err(InvalidHandle::BadCharacter));
        assert_eq!(lookup("al"), Err(InvalidHandle::TooShort));
    }

    #[test]
    fn registering_folds_no_letters() {
        let exact = |text: &str| text.parse::<Typed>().expect("a form that is known").exact();
        assert_eq!(exact("Alice"), Err(InvalidHandle::UpperCase));
        assert_eq!(exact(" @alice\r").map(|handle| handle.to_string()), Ok("alice".to_owned()));
    }
}
