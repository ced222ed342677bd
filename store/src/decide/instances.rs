//! Which instance of a device's state is let on.

use kez_core::Timestamp;
use kez_core::chat_instance::AdmittedInstance;

use super::recent::{HOUR, Recent};
use crate::instances::{Instance, InstanceRefusal, Kept, Limits};

/// What is stored about an instance's device at the moment of the decision.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct View {
    /// Whether the signer stands for the chain, which has a live handle here and is in use.
    pub(crate) is_authorised: bool,
    /// The instance that is kept.
    pub(crate) kept: Option<Instance>,
    /// Whether this envelope was accepted before, or its instance was kept and another one followed it.
    pub(crate) is_over: bool,
    /// Instances that were accepted of the device lately.
    pub(crate) accepted: Recent,
}

/// Decides, in the protocol's order.
pub(crate) fn keep(
    view: &View,
    asked: &AdmittedInstance,
    now: Timestamp,
    limits: &Limits,
) -> Result<Kept, InstanceRefusal> {
    if !view.is_authorised {
        return Err(InstanceRefusal::NotAuthorised);
    }
    let kept = Kept { device: asked.device, instance: asked.instance, is_new: false };
    if view.kept == Some(asked.instance) {
        return Ok(kept);
    }
    let follows = asked.previous.is_none() || view.kept.is_none() || asked.previous == view.kept;
    if view.is_over || !follows {
        return Err(InstanceRefusal::Conflict);
    }
    match view.accepted.wait(limits.accepted_per_hour, HOUR, now) {
        Some(wait) => Err(InstanceRefusal::TooOften(wait)),
        None => Ok(Kept { is_new: true, ..kept }),
    }
}

#[cfg(test)]
mod tests {
    use kez_core::{Hash, KeyId};

    use super::*;

    fn asked(previous: Option<u8>, instance: u8) -> AdmittedInstance {
        let key = KeyId::ed25519([1; 32]);
        AdmittedInstance {
            device: key,
            chain: key,
            previous: previous.map(|previous| [previous; 16]),
            instance: [instance; 16],
            created_at: Timestamp::from_unix(0),
            id: Hash::of(b"an envelope"),
        }
    }

    #[test]
    fn each_check_answers_before_those_behind_it() {
        let now = Timestamp::from_unix(100);
        let often = Recent { count: 60, oldest: Some(Timestamp::from_unix(0)) };
        let keep = |view: View, asked| keep(&view, &asked, now, &Limits::default()).map(|kept| kept.is_new);
        let all = View { is_authorised: true, kept: Some([1; 16]), is_over: true, accepted: often };
        assert_eq!(keep(View { is_authorised: false, ..all }, asked(None, 1)), Err(InstanceRefusal::NotAuthorised));
        assert_eq!(keep(all, asked(Some(9), 1)), Ok(false), "it is kept, whatever else is so");
        for previous in [None, Some(1), Some(9)] {
            assert_eq!(keep(all, asked(previous, 2)), Err(InstanceRefusal::Conflict), "{previous:?}");
        }
        let fresh = View { is_over: false, ..all };
        assert_eq!(keep(fresh, asked(Some(9), 2)), Err(InstanceRefusal::Conflict));
        for previous in [None, Some(1)] {
            assert_eq!(keep(fresh, asked(previous, 2)), Err(InstanceRefusal::TooOften(3_500)), "{previous:?}");
            let rare = View { accepted: Recent { count: 59, ..often }, ..fresh };
            assert_eq!(keep(rare, asked(previous, 2)), Ok(true), "{previous:?}");
        }
        let none = View { kept: None, accepted: Recent::default(), ..fresh };
        assert_eq!(keep(none, asked(Some(9), 2)), Ok(true), "nothing is kept");
    }
}
