//! Why a broker refuses a key: it says nothing of that, so the server is asked.

use std::sync::Arc;

use serde::de::IgnoredAny;
use tokio::task::spawn_blocking;

use crate::commands::home::Home;
use crate::failure::{Failure, Local};
use kez_core::Code;

/// The same failure, or what the server says of it: one that cannot do its work refuses everybody.
pub(in crate::commands) async fn explain(home: &Arc<Home>, failure: Failure) -> Failure {
    if !failure.is_local(Local::BrokerRefused) {
        return failure;
    }
    let asked = Arc::clone(home);
    let ready = spawn_blocking(move || asked.client.get::<IgnoredAny>("/v1/readyz")).await;
    let failure = match ready {
        Ok(Err(problem)) if problem.is(Code::Unavailable) => Failure::new(
            Local::ServerNotReady,
            format!("The broker lets nobody in while the server cannot do its work. {}", problem.detail),
        ),
        Ok(Err(problem)) if problem.is_local(Local::ServerUnreachable) => {
            failure.advise(&format!("That server does not answer: {}", problem.detail))
        }
        _ => failure,
    };
    match home.clocks_apart() {
        Some(apart) => failure.advise(&format!("{apart}; if the server's is wrong, tell who runs it.")),
        None => failure,
    }
}
