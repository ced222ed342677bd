//! `kez inbox watch`: print what arrives and verifies.

mod reader;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use self::reader::{End, Reader};
use super::backoff::Backoff;
use super::outage::Outage;
use super::refusal;
use super::stop::{Stop, Stopped};
use crate::broker::{self, Session};
use crate::commands::home::Home;
use crate::commands::place::Place;
use crate::failure::{Failure, Local};

/// How many logins in a row may find no inbox, with a pause after each: the server makes it anew within seconds.
const MISSES: u32 = 7;

/// What to wait for, and what to do with it.
pub(super) struct Wanted {
    pub(super) count: Option<u64>,
    /// In seconds.
    pub(super) timeout: Option<u64>,
    /// Leave messages in the inbox.
    pub(super) keep: bool,
}

/// Prints contact requests until there were enough, the time is over, or a signal comes.
pub(super) fn run(place: Place, wanted: &Wanted) -> Result<(), Failure> {
    let home = Arc::new(place.home);
    let mut reader = Reader::new(Arc::clone(&home), &place.member, wanted);
    let (broker, member) = (&place.broker, &place.member);
    broker::run(async {
        let mut stop = Stop::listen(wanted.timeout.map(Duration::from_secs))
            .map_err(|error| Failure::new(Local::Io, format!("The operating system passes no signals on: {error}.")))?;
        let (mut backoff, mut was_in, mut outage, mut misses) = (Backoff::default(), false, Outage::default(), 0);
        loop {
            let session = tokio::select! {
                biased;
                stopped = stop.requested() => return end(wanted, &reader, stopped),
                session = Session::open(broker, member) => session,
            };
            match session {
                Ok(session) => {
                    (was_in, outage) = (true, Outage::default());
                    match reader.read(&session, &mut stop, &mut backoff).await? {
                        End::Enough => return Ok(()),
                        End::Stopped(stopped) => return end(wanted, &reader, stopped),
                        End::Lost => misses = 0,
                        End::NoInbox if backoff.failed() == 0 => misses = 1,
                        End::NoInbox => misses += 1,
                    }
                    if misses == MISSES {
                        return Err(no_inbox(&home));
                    }
                }
                Err(failure) => {
                    let failure = refusal::explain(&home, failure).await;
                    if !was_in {
                        return Err(failure);
                    }
                    outage.goes_on(failure)?;
                }
            }
            tokio::select! {
                biased;
                stopped = stop.requested() => return end(wanted, &reader, stopped),
                () = sleep(backoff.pause()?) => {}
            }
        }
    })
}

fn no_inbox(home: &Home) -> Failure {
    let url = home.client.url();
    Failure::new(
        Local::InboxMissing,
        format!(
            "The broker lets this key in and has no inbox for it, and {url} does not make it anew. What was sent waits, \
             unless it was deleted with the inbox; tell who runs that server."
        ),
    )
}

fn end(wanted: &Wanted, reader: &Reader<'_>, stopped: Stopped) -> Result<(), Failure> {
    match (stopped, wanted.count) {
        (Stopped::TimeIsOver, Some(count)) => Err(Failure::new(
            Local::TimedOut,
            format!("{} of {count} contact requests came in the time that was given.", reader.printed()),
        )),
        _ => Ok(()),
    }
}
