//! What is asked of a device's conversations, by this process or by another one of the same user.

use kez_core::{KeyId, Record};
use serde::{Deserialize, Serialize};

use crate::args::ChatCommand;
use crate::commands::inbox::send::recipient;
use crate::commands::lookup;
use crate::commands::place::Place;
use crate::failure::{Failure, Local};

/// Whom one talks to, as the home server proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Whom {
    pub(super) chain: KeyId,
    pub(super) handle: String,
    /// The keys that stand for them.
    pub(super) devices: Vec<KeyId>,
}

/// Something to be done with the conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wish", rename_all = "snake_case")]
pub(super) enum Wish {
    List,
    Ask {
        with: Whom,
    },
    Accept {
        with: Whom,
    },
    Send {
        with: Whom,
        text: String,
        /// The text's id, where it is said already.
        id: Option<String>,
        /// How long to wait for mailboxes.
        secs: u64,
    },
    Watch {
        with: Option<Whom>,
        count: Option<u64>,
        secs: Option<u64>,
    },
    History {
        with: Whom,
        limit: Option<u64>,
    },
    Export {
        with: Whom,
    },
    Status,
}

impl Wish {
    /// What a command asks for; handles are looked up.
    pub(super) fn of(place: &Place, command: ChatCommand) -> Result<Wish, Failure> {
        let find = |name: &str| Whom::find(place, name);
        Ok(match command {
            ChatCommand::List { .. } => Wish::List,
            ChatCommand::Status { .. } => Wish::Status,
            ChatCommand::Ask { with, .. } => Wish::Ask { with: another(place, find(&with)?)? },
            ChatCommand::Accept { with, .. } => Wish::Accept { with: another(place, find(&with)?)? },
            ChatCommand::Send { with, text, timeout, .. } => {
                Wish::Send { with: another(place, find(&with)?)?, text, id: None, secs: timeout }
            }
            ChatCommand::Watch { with, count, timeout, .. } => {
                Wish::Watch { with: with.as_deref().map(find).transpose()?, count, secs: timeout }
            }
            ChatCommand::History { with, limit, .. } => Wish::History { with: find(&with)?, limit },
            ChatCommand::Export { with, .. } => Wish::Export { with: find(&with)? },
        })
    }
}

impl Whom {
    fn find(place: &Place, name: &str) -> Result<Whom, Failure> {
        let handle = recipient(place, name)?;
        let (Record { chain, primary, .. }, log) = lookup::proven(&place.home.client, &handle, &place.home.name)?;
        let devices = log.state().map_or_else(
            || vec![primary],
            |state| [state.primary].into_iter().chain(state.devices.keys().copied()).collect(),
        );
        Ok(Whom { chain, handle: handle.to_string(), devices })
    }
}

fn another(place: &Place, whom: Whom) -> Result<Whom, Failure> {
    if whom.chain == place.member.chain {
        return Err(Failure::new(Local::NotAContact, format!("{} is yourself.", whom.handle)));
    }
    Ok(whom)
}
