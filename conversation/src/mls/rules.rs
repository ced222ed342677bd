//! Which commits there are: Add and Remove by value, always with a path, always private.

use mls_rs::MlsRules;
use mls_rs::client_builder::PaddingMode;
use mls_rs::error::IntoAnyError;
use mls_rs::group::proposal::{AddProposal, RemoveProposal};
use mls_rs::group::{GroupContext, Roster};
use mls_rs::mls_rules::{CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle};

/// The commit does what no commit in a conversation does.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotAllowed;

impl IntoAnyError for NotAllowed {}

/// The rules.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules;

impl MlsRules for Rules {
    type Error = NotAllowed;

    fn filter_proposals(
        &self,
        _: CommitDirection,
        source: CommitSource,
        _: &Roster<'_>,
        _: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, NotAllowed> {
        let known = proposals.by_type::<AddProposal>().count() + proposals.by_type::<RemoveProposal>().count();
        let member = matches!(source, CommitSource::ExistingMember(_));
        if member && known == proposals.length() { Ok(proposals) } else { Err(NotAllowed) }
    }

    fn commit_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
        _: &ProposalBundle,
    ) -> Result<CommitOptions, NotAllowed> {
        Ok(CommitOptions::new().with_path_required(true).with_single_welcome_message(true))
    }

    fn encryption_options(&self, _: &Roster<'_>, _: &GroupContext) -> Result<EncryptionOptions, NotAllowed> {
        // Padding is added where messages are sealed: the library's own steps are none of ours.
        Ok(EncryptionOptions::new(true, PaddingMode::None))
    }
}
