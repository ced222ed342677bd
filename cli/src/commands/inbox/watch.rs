//! `kez inbox watch`: print what arrives and verifies.

mod reader;

use std::time::Duration;

use tokio::time::sleep;

use self::reader::{End, Reader};
use super::Place;
use super::backoff::Backoff;
use super::stop::{Stop, Stopped};
use crate::broker::{self, Session};
use crate::failure::{Failure, Local};
use crate::output;

/// How many logins in a row may be refused to a key that was let in before: a server that restarts answers nobody for a
/// moment, and its broker refuses everybody meanwhile.
const REFUSALS: u32 = 6;

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
    let mut reader = Reader::new(place.home, &place.member, wanted);
    let (broker, member) = (&place.broker, &place.member);
    broker::run(async {
        let mut stop = Stop::listen(wanted.timeout.map(Duration::from_secs))
            .map_err(|error| Failure::new(Local::Io, format!("The operating system passes no signals on: {error}.")))?;
        let (mut backoff, mut was_in, mut outage) = (Backoff::default(), false, Outage::default());
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
                        End::Lost => {}
                    }
                }
                Err(failure) if !was_in => return Err(failure),
                Err(failure) => outage.goes_on(failure)?,
            }
            tokio::select! {
                biased;
                stopped = stop.requested() => return end(wanted, &reader, stopped),
                () = sleep(backoff.pause()?) => {}
            }
        }
    })
}

/// The time since a connection ended for which there is no new one.
#[derive(Default)]
struct Outage {
    is_told: bool,
    refusals: u32,
}

impl Outage {
    /// An attempt to connect failed: tells so once, and gives up when the key is refused for good.
    fn goes_on(&mut self, failure: Failure) -> Result<(), Failure> {
        self.refusals += u32::from(failure.is_local(Local::BrokerRefused));
        if self.refusals == REFUSALS {
            return Err(failure);
        }
        if !self.is_told {
            output::warn(&format!("The connection is lost, and there is no new one yet. {}", failure.detail));
            self.is_told = true;
        }
        Ok(())
    }
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
