//! Where the answer to a wish goes: to stdout, or to another process.

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::failure::{Failure, Local};
use crate::output;

/// A failure, on its way to the other process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    code: String,
    title: String,
    detail: String,
}

impl From<Failure> for Told {
    fn from(Failure { code, title, detail, .. }: Failure) -> Told {
        Told { code: code.to_owned(), title: title.to_owned(), detail: detail.into_owned() }
    }
}

impl From<Told> for Failure {
    fn from(Told { code, title, detail }: Told) -> Failure {
        // The program ends with it, so it need not be freed.
        let (code, title) = (code.leak(), title.leak());
        Failure { code, title, detail: detail.into(), server_time: None, chain: None }
    }
}

/// A line between the two processes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// A JSON document.
    Line(String),
    /// The text is said under this id, whatever happens from here on.
    Sent(String),
    /// Whom one wants to ask has asked, and is accepted.
    Accepted,
    /// Nothing was done: ask the next process.
    Again,
    /// It is done, or cannot be.
    End(Option<Told>),
}

/// Who hears the answer.
pub(super) enum Reply {
    /// Whoever reads what this process prints.
    Stdout,
    /// Another process.
    Process(mpsc::UnboundedSender<Said>),
}

impl Reply {
    /// One JSON document.
    pub(super) fn line<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        match self {
            Reply::Stdout => output::json(value),
            Reply::Process(to) => {
                let json = serde_json::to_string(value)
                    .map_err(|error| Failure::new(Local::Io, format!("The result cannot be written: {error}.")))?;
                // Whoever left hears nothing.
                let _ = to.send(Said::Line(json));
                Ok(())
            }
        }
    }

    /// Something for the process at the other end, which needs none of it where it is this one.
    pub(super) fn tell(&self, said: Said) {
        if let Reply::Process(to) = self {
            let _ = to.send(said);
        }
    }

    /// Whether nobody listens any longer.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Reply::Process(to) if to.is_closed())
    }
}
