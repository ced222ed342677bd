//! Names that people type into fields: one way to read them, and one to say what is wrong.

use kez_core::Handle;
use kez_core::handle::{InvalidHandle, NotTyped, Typed};

use crate::place::{is_here, server_name};

/// What was typed, of this server.
fn here(text: &str) -> Result<Typed, String> {
    let typed: Typed = text.parse().map_err(|why: NotTyped| why.to_string())?;
    match typed.server().filter(|server| !is_here(server)) {
        Some(other) => Err(format!("That name is at {other}, and this is {}.", server_name())),
        None => Ok(typed),
    }
}

/// The handle that somebody typed for finding it, or what is wrong with it.
pub(crate) fn handle_to_find(text: &str) -> Result<Handle, String> {
    here(text)?.for_lookup().map_err(|why| why.to_string())
}

/// The handle that somebody typed for registering it, or what is wrong with it. Its letters are those that were typed.
pub(crate) fn handle_to_take(text: &str) -> Result<Handle, String> {
    let typed = here(text)?;
    typed.exact().map_err(|why| match (why, typed.for_lookup()) {
        (InvalidHandle::UpperCase, Ok(handle)) => format!("A handle has no capital letters: write {handle}."),
        _ => why.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_people_write_them() {
        for text in ["alice", "alice ", "@alice\r", "Alice", "acct:alice@", "al\u{200b}ice"] {
            let found = handle_to_find(text).map(|handle| handle.to_string());
            if text.ends_with('@') {
                assert_eq!(found, Err("What stands behind the @ is not a server's name.".to_owned()));
            } else {
                assert_eq!(found.as_deref(), Ok("alice"), "{text:?}");
            }
        }
        assert_eq!(handle_to_take(" @alice ").map(|handle| handle.to_string()).as_deref(), Ok("alice"));
        assert_eq!(handle_to_take("Alice"), Err("A handle has no capital letters: write alice.".to_owned()));
        assert_eq!(
            handle_to_take("Älice"),
            Err("A handle is made of the letters a to z, digits, _ and - only.".to_owned())
        );
        // Where no page is, no server is this one.
        assert!(
            handle_to_find("https://kez.example/@alice")
                .is_err_and(|why| why.starts_with("That name is at kez.example, "))
        );
    }
}
