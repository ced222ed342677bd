//! Reading what a command works on.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::failure::{Failure, Local};

/// Reads `file`, or stdin for `-`. At most one byte more than `limit` is read, which shows that it is too much.
pub(super) fn read(file: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let is_stdin = file == Path::new("-");
    let read = |source: &mut dyn Read| {
        let mut text = Vec::new();
        source.take(limit as u64 + 1).read_to_end(&mut text).map(|_| text)
    };
    let text =
        if is_stdin { read(&mut io::stdin().lock()) } else { File::open(file).and_then(|mut file| read(&mut file)) };
    text.map_err(|error| {
        let name = if is_stdin { "stdin".into() } else { file.to_string_lossy() };
        Failure::new(Local::Io, format!("{name} cannot be read: {error}."))
    })
}
