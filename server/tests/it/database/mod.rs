//! The database's file as operators handle it: two servers on one, copies, restores, and places where none can be.

mod one_server;
mod places;
mod restore;
mod snapshot;
mod user;

use std::path::Path;

use crate::program::{Program, run, signed};

/// A path as a flag.
fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// What a server on this database says instead of starting.
async fn refused(db: &Path) -> String {
    let (code, _, err) = run(&["--bind", "127.0.0.1:0", "--db", text(db)], &[]).await;
    assert_eq!(code, Some(1), "{err}");
    err
}

/// The doctor's line about the database, beside a server on `bind` or none.
async fn examined(db: &Path, bind: &str) -> String {
    let (_, report, err) = run(&["doctor"], &[("KEZ_CHAT_DB", text(db)), ("KEZ_CHAT_BIND", bind)]).await;
    let line = report.lines().find(|line| line.contains(" database "));
    line.unwrap_or_else(|| panic!("no line about the database: {report}{err}")).to_owned()
}

/// Registers a handle with the key of this number.
async fn register(program: &Program, handle: &str, seed: u8) {
    let request = reqwest::Client::new().post(format!("{}/v1/register", program.base));
    let request = request.header("content-type", "application/json").body(signed(handle, seed));
    assert_eq!(request.send().await.expect("an answer").status(), 201);
}

async fn status(program: &Program, handle: &str) -> u16 {
    reqwest::get(format!("{}/v1/u/{handle}", program.base)).await.expect("an answer").status().as_u16()
}

/// What a folder holds, in order.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}
