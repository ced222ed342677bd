//! What a page says of its connection.

use kez_core::Code;

use super::Trouble;
use crate::api::{self, Failure};
use crate::browser;
use crate::chain;
use crate::vault::Identity;

/// The state of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The server has no message broker.
    None,
    Connecting,
    Connected,
    /// The broker did not let the key in.
    Refused,
    /// The browser has no network.
    Offline,
    /// It is tried again in a while.
    Retrying,
}

impl State {
    const ALL: [State; 6] =
        [State::None, State::Connecting, State::Connected, State::Refused, State::Offline, State::Retrying];

    /// The state's name, in the page and between tabs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            State::None => "none",
            State::Connecting => "connecting",
            State::Connected => "connected",
            State::Refused => "refused",
            State::Offline => "offline",
            State::Retrying => "retrying",
        }
    }
}

/// The state, and what there is to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The state.
    pub(crate) state: State,
    /// Seconds until it is tried again, 0 where that is not known.
    pub(crate) wait_secs: u32,
    /// Why, and what to do; empty where the state says it all.
    pub(crate) why: String,
}

impl Link {
    /// A state that says it all.
    pub(crate) const fn plain(state: State) -> Self {
        Link { state, wait_secs: 0, why: String::new() }
    }

    pub(super) fn refused(why: &str) -> Self {
        Link { state: State::Refused, wait_secs: 0, why: why.to_owned() }
    }

    pub(super) fn retrying(wait_secs: u32, why: &str) -> Self {
        Link { state: State::Retrying, wait_secs, why: why.to_owned() }
    }

    /// Connected; there may be something to know of this device.
    pub(super) fn connected() -> Self {
        Link { why: browser::wrong_clock().unwrap_or_default(), ..Link::plain(State::Connected) }
    }

    /// For another tab.
    pub(super) fn to_text(&self) -> String {
        format!("{} {} {}", self.state.as_str(), self.wait_secs, self.why)
    }

    /// From another tab.
    pub(super) fn parse(text: &str) -> Option<Link> {
        let (state, rest) = text.split_once(' ')?;
        let (wait_secs, why) = rest.split_once(' ')?;
        let state = State::ALL.into_iter().find(|known| known.as_str() == state)?;
        Some(Link { state, wait_secs: wait_secs.parse().ok()?, why: why.to_owned() })
    }
}

/// Why a connection was refused, and whether it may be better later.
pub(crate) struct NotLetIn {
    /// For a person.
    pub(crate) why: String,
    /// Whether to try again without being asked to.
    pub(crate) may_pass: bool,
}

/// Finds out why there was no connection; nothing where it simply was not reached. A broker says no more than that it
/// refuses, so the server is asked what it knows of the key.
pub(crate) async fn explain(trouble: Trouble, identity: &Identity) -> Option<NotLetIn> {
    let handle = &identity.handle;
    match trouble {
        Trouble::Vault(fault) => Some(NotLetIn { why: fault.advice().to_owned(), may_pass: false }),
        Trouble::OddNonce => Some(NotLetIn {
            why:
                "The broker asked for a signature that no broker needs. Nothing was signed. Tell who runs this server."
                    .to_owned(),
            may_pass: false,
        }),
        Trouble::Refused => match api::lookup_key(identity.key).await {
            Ok(holder) if holder.active => {
                let why = api::trouble().await.unwrap_or_else(|| {
                    "Your key is registered, but the server does not let it in at the moment. It may be connected too often.".to_owned()
                });
                Some(NotLetIn { why, may_pass: true })
            }
            Ok(_) | Err(Failure::Refused { code: Code::NotFound, .. }) => {
                let by_chain = match chain::why_out(identity.clone()).await {
                    Ok(why) => why.await,
                    Err(_) => None,
                };
                let why = by_chain.unwrap_or_else(|| format!(
                    "This key holds no handle on this server any more: {handle} was released, or never registered. Register it again to receive anything."
                ));
                Some(NotLetIn { why, may_pass: false })
            }
            Err(_) => None,
        },
        Trouble::Expired
        | Trouble::Unanswered
        | Trouble::Nobody
        | Trouble::NoInbox
        | Trouble::MayNotSend
        | Trouble::Lost => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_tab_says_another_understands() {
        for link in [
            Link::plain(State::Connected),
            Link::retrying(17, ""),
            Link::retrying(3, "There is no inbox."),
            Link::refused("Your key is registered, but …"),
            Link::plain(State::None),
        ] {
            assert_eq!(Link::parse(&link.to_text()), Some(link));
        }
        for bad in ["", "?", "connected", "connected 1", "connected x y", "asleep 1 y"] {
            assert_eq!(Link::parse(bad), None, "{bad}");
        }
    }
}
