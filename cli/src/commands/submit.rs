//! Signing a statement and handing it in.

use std::thread;
use std::time::Duration;

use kez_core::registration::Statement;
use kez_core::{Code, SigningKey, Timestamp};
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::failure::Failure;
use crate::{clock, output, system};

/// Signs what `statement` says at this moment and posts it.
///
/// When the server's clock is too far from this one, it is signed once more with the server's time. When the very same
/// statement was accepted earlier in this second, as after a release and a new registration in one script, it is signed
/// once more in the next second.
pub(super) fn submit<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    key: &SigningKey,
    statement: impl Fn(Timestamp) -> Statement,
) -> Result<T, Failure> {
    let mut ahead = 0;
    let send = |ahead: i64| {
        let now = Timestamp::from_unix(system::now().unix().saturating_add(ahead));
        client.post(path, &statement(now).sign(key))
    };
    let mut answer = send(ahead);
    if let Some(server_time) = answer.as_ref().err().and_then(|failure: &Failure| failure.server_time) {
        ahead = server_time.unix() - system::now().unix();
        output::warn(&format!("{}; signing with the server's time. Check the clock.", clock::apart(ahead)));
        answer = send(ahead);
    }
    if answer.as_ref().is_err_and(|failure| failure.is(Code::Replayed)) {
        thread::sleep(Duration::from_secs(1));
        answer = send(ahead);
    }
    answer.map_err(|failure| {
        if failure.lost_the_answer() {
            failure.advise("Whether the request was carried out is not known; running the same command again is safe.")
        } else {
            failure
        }
    })
}
