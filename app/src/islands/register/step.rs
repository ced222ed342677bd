//! The steps of registering, and the two states that are none.

/// Where the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// This browser cannot keep a key.
    Broken,
    /// This browser holds a registered identity.
    Held,
    Name,
    Keys,
    Sign,
    Done,
}

impl Step {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Step::Broken => "broken",
            Step::Held => "held",
            Step::Name => "name",
            Step::Keys => "keys",
            Step::Sign => "sign",
            Step::Done => "done",
        }
    }

    /// The id of what opens with the step.
    pub(super) const fn title_id(self) -> &'static str {
        match self {
            Step::Broken => "register-error",
            Step::Held => "held-title",
            Step::Name => "handle",
            Step::Keys => "keys-title",
            Step::Sign => "sign-title",
            Step::Done => "done-title",
        }
    }
}
