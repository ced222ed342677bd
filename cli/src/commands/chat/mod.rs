//! `kez chat`: end-to-end encrypted conversations.
//!
//! What a device knows of them is in a folder beside its key file, and one process at a time uses it; commands that are run
//! meanwhile are done by that one.

mod asks;
mod engine;
mod job;
mod lines;
mod link;
mod names;
mod offline;
mod records;
mod reply;
mod requests;
mod seal;
mod show;
mod socket;
mod watch;
mod wish;
mod work;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kez_conversation::MAX_TEXT;
use serde_json::json;
use tokio::time::{Instant, sleep};

use self::engine::Engine;
use self::lines::Who;
use self::records::{Lock, Records};
use self::seal::Seal;
use self::wish::Wish;
use super::home::Home;
use super::inbox::send;
use super::place::Place;
use crate::args::{ChatCommand, KeyArgs};
use crate::broker::{self, BrokerUrl, Member};
use crate::failure::{Failure, Local};
use crate::{keyfile, output};

/// How long another process may take to let the state go.
const BUSY: Duration = Duration::from_secs(20);
/// How often it is looked whether it did.
const AGAIN: Duration = Duration::from_millis(50);

/// Runs the command.
pub(super) fn run(keys: &KeyArgs, mut command: ChatCommand) -> Result<(), Failure> {
    if let ChatCommand::Send { text, .. } = &mut command
        && text == "-"
    {
        *text = from_stdin()?;
    }
    let place = match Place::find(keys, command.broker()) {
        Err(failure) if failure.is_local(Local::ServerUnreachable) => return offline::run(keys, &command, failure),
        place => place?,
    };
    let wish = Wish::of(&place, command)?;
    let Place { key_file, member, home, broker } = place;
    let is_sealed = keyfile::open(&key_file)?.is_encrypted();
    let device = Device { folder: records::folder(&key_file), is_sealed, home: Arc::new(home), member, broker };
    broker::run(async {
        let accepts = device.fulfil(wish.clone()).await?;
        match wish {
            Wish::Ask { with } => device.ask(with, accepts).await,
            _ => Ok(()),
        }
    })
}

/// The text that is to be sent, without the line feed at its end.
fn from_stdin() -> Result<String, Failure> {
    let mut text = Vec::new();
    // Four bytes a character at most.
    let longest = MAX_TEXT as u64 * 4 + 3;
    let read = std::io::stdin().lock().take(longest).read_to_end(&mut text);
    read.map_err(|error| Failure::new(Local::Io, format!("stdin cannot be read: {error}.")))?;
    let unfit = || Failure::new(Local::TextUnfit, format!("A text has 1 to {MAX_TEXT} characters, in UTF-8."));
    let text = String::from_utf8(text).map_err(|_| unfit())?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text)).to_owned();
    if !(1..=MAX_TEXT).contains(&text.chars().count()) {
        return Err(unfit());
    }
    Ok(text)
}

/// This device, and where it keeps its conversations.
struct Device {
    folder: PathBuf,
    /// Whether its key is sealed with a passphrase: then so is what is kept.
    is_sealed: bool,
    home: Arc<Home>,
    member: Arc<Member>,
    broker: BrokerUrl,
}

impl Device {
    /// Does it, or has it done by the process that holds the state. Gives whether it was to ask somebody who asked before.
    async fn fulfil(&self, mut wish: Wish) -> Result<bool, Failure> {
        let until = Instant::now() + BUSY;
        loop {
            if let Some(lock) = Lock::take(&self.folder)? {
                let seal = self.is_sealed.then(|| Seal::of(&self.member.key));
                let records = Records::open(&self.folder, lock, seal).await?;
                let (home, member) = (Arc::clone(&self.home), Arc::clone(&self.member));
                let engine = Engine::open(home, member, self.broker.clone(), records).await?;
                return work::work(engine, wish).await;
            }
            if let Some(outcome) = socket::ask(&self.folder, &mut wish).await {
                return outcome;
            }
            if Instant::now() > until {
                let folder = self.folder.display();
                return Err(Failure::new(
                    Local::ChatInUse,
                    format!("Another process uses {folder}, and does not answer; end it, or try again later."),
                ));
            }
            sleep(AGAIN).await;
        }
    }

    /// Leaves a contact request in their inbox, unless they were accepted.
    async fn ask(&self, with: wish::Whom, accepts: bool) -> Result<(), Failure> {
        if !accepts {
            send::request(&self.home, &self.broker, &self.member, with.chain).await?;
        }
        output::json(&json!({ "asked": Who { chain: with.chain, handle: Some(with.handle) } }))
    }
}
