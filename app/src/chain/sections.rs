//! The page of the identity that this browser holds: its sections, drawn anew with whatever changed.

use std::rc::Rc;

use super::own::{self, News, Own};
use super::{backup, claims, devices};
use crate::browser::{self, draw, mark, tell};
use crate::components::{grouped, picture};
use crate::task::{Later, spawn};
use crate::vault::Identity;

/// Shows an identity, which is another one than before, or the same with something changed.
pub(super) fn show(identity: Identity) {
    own::shown_by(told);
    backup::listen();
    devices::listen();
    claims::listen();
    spawn(own::reload(identity));
}

/// Makes the recovery words of an identity that was registered just now, and shows it once they count.
pub(super) fn first_words(identity: Identity) {
    own::shown_by(told);
    backup::begin(identity);
}

fn told(news: News) -> Later<()> {
    Box::pin(async move {
        match news {
            News::Own(own) => display(&own).await,
            News::Out(identity, why) => {
                for section in ["backup", "devices", "claims", "release"] {
                    mark(section, "hidden", Some(""));
                }
                counts("out", "This browser can no longer sign for this identity: its key is out.");
                let Some(why) = why else {
                    return tell("standing", "This key no longer owns a handle here.");
                };
                // The handle has no character that means something in markup.
                tell("standing", &why.says(&identity.handle, false));
                draw("standing", &why.says(&identity.handle, true));
            }
            News::Unknown(trouble) => {
                counts("opened", "Opened and tested just now. Whether it still counts could not be found out.");
                tell("standing", &trouble.advice());
            }
        }
    })
}

async fn display(own: &Rc<Own>) {
    let primary = own.fetched.borrow().chain.state().map_or(own.identity.primary, |state| state.primary);
    tell("standing", "");
    counts("proven", "Opened and tested just now: this browser can sign.");
    // What others see of this identity, whichever of its keys is in this browser.
    draw("identity-picture", &picture(&primary));
    draw("identity-key", &grouped(&primary));
    backup::show(own);
    devices::show(own).await;
    claims::show(own);
}

/// Says whether the key in this browser counts, where it could be opened at all.
fn counts(state: &str, says: &str) {
    if browser::attribute("identity-proven", "data-state").as_deref() != Some("broken") {
        mark("identity-proven", "data-state", Some(state));
        tell("identity-proven", says);
    }
}
