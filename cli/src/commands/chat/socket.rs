//! One process holds the state; those that are started meanwhile ask it, over a socket in the same folder: a line of JSON
//! that says what is wanted ([`Wish`]), then lines until it is done ([`Said`]). The folder lets nobody else in.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::engine::Happened;
use super::reply::{Reply, Said};
use super::wish::Wish;
use crate::failure::{Failure, Local};
use crate::output;

/// The longest line that says what is wanted, in bytes: a text, each character escaped, and a hundred keys.
const MAX_WISH_BYTES: u64 = 256 * 1024;

/// What another process asks for.
pub(super) struct Asked {
    pub(super) wish: Wish,
    pub(super) to: Reply,
}

/// The socket, as long as this process holds the state.
pub(super) struct Door {
    path: PathBuf,
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join("socket")
}

impl Door {
    /// Opens the socket; whoever holds the lock may. Where there can be none, others hear that the state is in use.
    pub(super) fn open(folder: &Path, tell: mpsc::UnboundedSender<Happened>) -> Door {
        let path = path_in(folder);
        let _ = std::fs::remove_file(&path);
        if let Ok(listener) = UnixListener::bind(&path) {
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(hear(stream, tell.clone()));
                }
            });
        }
        Door { path }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn hear(stream: UnixStream, tell: mpsc::UnboundedSender<Happened>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = Vec::new();
    BufReader::new(read.take(MAX_WISH_BYTES)).read_until(b'\n', &mut line).await?;
    let Ok(wish) = serde_json::from_slice(&line) else { return Ok(()) };
    let (to, mut lines) = mpsc::unbounded_channel();
    if tell.send(Happened::Command(Asked { wish, to: Reply::Process(to) })).is_err() {
        return Ok(());
    }
    while let Some(said) = lines.recv().await {
        let mut json = serde_json::to_vec(&said)?;
        json.push(b'\n');
        // Whoever does not read is gone, and `lines` with this.
        write.write_all(&json).await?;
    }
    write.shutdown().await
}

/// Asks the process that holds the state. None where it did nothing, or there is no such process any longer; a text that was
/// said is marked in `wish`, so that it is not said again. Gives whether it was to ask somebody who asked before.
pub(super) async fn ask(folder: &Path, wish: &mut Wish) -> Option<Result<bool, Failure>> {
    let mut stream = UnixStream::connect(path_in(folder)).await.ok()?;
    let mut json = serde_json::to_vec(wish).ok()?;
    json.push(b'\n');
    stream.write_all(&json).await.ok()?;
    let (mut lines, mut accepts) = (BufReader::new(stream).lines(), false);
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line).ok()? {
            Said::Line(json) => {
                if let Err(failure) = output::document(&json) {
                    return Some(Err(failure));
                }
            }
            Said::Sent(sent) => {
                if let Wish::Send { id, .. } = wish {
                    *id = Some(sent);
                }
            }
            Said::Accepted => accepts = true,
            Said::Again => return None,
            Said::End(None) => return Some(Ok(accepts)),
            Said::End(Some(told)) => return Some(Err(told.into())),
        }
    }
    match wish {
        Wish::Send { id: None, .. } => Some(Err(Failure::new(
            Local::Interrupted,
            "The kez chat that this was handed to ended. Look with kez chat history whether the text is there.",
        ))),
        _ => None,
    }
}
