//! The process that holds the state: it does what its own command wishes, and meanwhile what others ask.

use kez_conversation::{Batch, Event, Notice, Stands};

use super::engine::{Engine, Happened, Turn};
use super::job::{Job, Progress};
use super::names;
use super::reply::Reply;
use super::requests::Request;
use super::socket::{Asked, Door};
use super::wish::Wish;
use crate::commands::inbox::stop::Stop;
use crate::failure::{Failure, Local};

/// Works until `wish` is done; what others asked for and is not done then is theirs to do. Gives whether it was to ask somebody
/// who asked before.
pub(super) async fn work(mut engine: Engine, wish: Wish) -> Result<bool, Failure> {
    let mut stop = Stop::listen(None)
        .map_err(|error| Failure::new(Local::Io, format!("The operating system passes no signals on: {error}.")))?;
    let _door = Door::open(engine.records.folder(), engine.teller());
    let watches = matches!(wish, Wish::Watch { .. });
    let mut own = Job::new(wish, Reply::Stdout);
    let mut others: Vec<Job> = Vec::new();
    let (mut notices, mut is_over) = (Vec::new(), false);
    let outcome = loop {
        match own.go_on(&mut engine, &notices, is_over).await? {
            Ok(Progress::GoesOn) => {}
            Ok(Progress::Done) => break Ok(()),
            Err(failure) => break Err(failure),
        }
        let mut going = Vec::new();
        for mut job in others {
            match job.go_on(&mut engine, &[], false).await? {
                _ if job.is_nobodys() => {}
                Ok(Progress::GoesOn) => going.push(job),
                Ok(Progress::Done) => job.end(Ok(()))?,
                Err(failure) => job.end(Err(failure))?,
            }
        }
        others = going;
        let until = others.iter().chain([&own]).filter_map(Job::until).min();
        notices = match engine.turn(&mut stop, until).await? {
            Turn::Stopped => {
                is_over = true;
                Vec::new()
            }
            Turn::Notices(notices) => notices,
            Turn::Other(Happened::Request(request)) => take(&mut engine, request).await?,
            Turn::Other(Happened::Named { chain, handle }) => {
                engine.records.write(Batch::default(), names::named(&chain, &handle)).await?;
                Vec::new()
            }
            Turn::Other(Happened::Command(Asked { wish, to })) => {
                let job = Job::new(wish, to);
                match job.wish {
                    Wish::Watch { .. } if watches => job.end(Err(watched()))?,
                    // It lives longer than this process.
                    Wish::Watch { .. } => job.hand_back(),
                    _ => others.push(job),
                }
                Vec::new()
            }
            Turn::Other(_) => Vec::new(),
        };
        engine.look_up_who_asks(&notices).await?;
    };
    others.iter().for_each(Job::hand_back);
    engine.close().await;
    own.end(outcome).map(|()| own.accepts)
}

fn watched() -> Failure {
    Failure::new(
        Local::ChatInUse,
        "Another kez chat watch runs with this key, and each message is printed once: end that one, or read there.",
    )
}

/// Somebody asks: whoever one asked oneself, or knows, is accepted at once.
async fn take(engine: &mut Engine, request: Request) -> Result<Vec<Notice>, Failure> {
    let Request { id, from, handle, kept } = request;
    if names::was_taken(&engine.records, &id) {
        // Nobody told the broker so in time.
        let _ = kept.send(());
        return Ok(Vec::new());
    }
    let taken = names::taken(&engine.records, &id, engine.home.now());
    let told = match (engine.machine.stands(&from), &handle) {
        (Stands::Stranger, handle) => {
            let mut ours = names::asks(&engine.records, &from, handle.as_deref(), engine.home.now());
            ours.0.extend(taken.0);
            engine.records.write(Batch::default(), ours).await?;
            Vec::new()
        }
        (stands, handle) => {
            let mut ours = handle.as_ref().map_or_else(Batch::default, |handle| names::known(&from, handle));
            ours.0.extend(taken.0);
            let event = match stands {
                Stands::Contact { .. } => Event::AskedAgain { chain: from },
                _ => Event::Contact { chain: from, stands: Stands::Contact { accepted_here: true } },
            };
            engine.handle(event, ours).await?
        }
    };
    // The reader may be gone with its connection; then it comes again.
    let _ = kept.send(());
    Ok(told)
}
