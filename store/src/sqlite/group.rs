//! A group of changes in one transaction, and afterwards their answers.

use std::collections::HashMap;

use kez_core::{KeyId, Timestamp};
use sqlx::sqlite::SqliteConnection;

use super::answer::Answer;
use super::conversations::{self, Committing, Starting};
use super::followed::Follow;
use super::handles::{self, Change};
use super::instances::{self, Beginning};
use super::key_packages::{self, Claiming, Uploading};
use super::sigchains::{self, Appending};
use super::writer::Command;
use crate::StoreError;
use crate::changes::Listener;
use crate::handles::Policy;
use crate::sigchains::Signer;

/// How often what is over is deleted, in seconds.
const PRUNE_SECS: i64 = 60;

/// Changes that will be committed together.
#[derive(Default)]
pub(super) struct Group {
    changes: Vec<Change>,
    appends: Vec<Appending>,
    follows: Vec<Follow>,
    uploads: Vec<Uploading>,
    claims: Vec<Claiming>,
    starts: Vec<Starting>,
    commits: Vec<Committing>,
    instances: Vec<Beginning>,
    signers: Vec<(Signer, Answer<()>)>,
    /// The last one of each chain.
    checkpoints: HashMap<KeyId, Vec<u8>>,
    checks: Vec<Answer<()>>,
}

impl Group {
    pub(super) fn add(&mut self, command: Command) {
        match command {
            Command::Register(claim, now, answer) => self.changes.push(Change::registration(claim, now, answer)),
            Command::Release(claim, now, answer) => self.changes.push(Change::release(claim, now, answer)),
            Command::Append(append, answer) => self.appends.push(Appending::new(*append, answer)),
            Command::Follow(step, answer) => self.follows.push(Follow::new(step, answer)),
            Command::PutPackages(upload) => self.uploads.push(*upload),
            Command::ClaimPackages(claim) => self.claims.push(*claim),
            Command::StartConversation(start) => self.starts.push(*start),
            Command::AddCommit(commit) => self.commits.push(*commit),
            Command::PutInstance(instance) => self.instances.push(*instance),
            Command::SignWith(signer, answer) => self.signers.push((*signer, answer)),
            Command::KeepCheckpoint(chain, bytes) => drop(self.checkpoints.insert(chain, bytes)),
            Command::Check(answer) | Command::Close(answer) => self.checks.push(answer),
        }
    }

    /// How many callers wait for it.
    pub(super) fn len(&self) -> usize {
        let of_handles = self.changes.len() + self.appends.len() + self.follows.len();
        let of_packages = self.uploads.len() + self.claims.len();
        let of_conversations = self.starts.len() + self.commits.len();
        let of_conversations = of_conversations + self.instances.len();
        of_handles + of_packages + of_conversations + self.signers.len() + self.checks.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && self.checkpoints.is_empty()
    }

    /// Each change as a group of its own.
    pub(super) fn apart(self) -> impl Iterator<Item = Group> {
        let Group {
            changes,
            appends,
            follows,
            uploads,
            claims,
            starts,
            commits,
            instances,
            signers,
            checkpoints,
            checks,
        } = self;
        let first = Group { signers, checkpoints, checks, ..Group::default() };
        let changes = changes.into_iter().map(|change| Group { changes: vec![change], ..Group::default() });
        let appends = appends.into_iter().map(|append| Group { appends: vec![append], ..Group::default() });
        let follows = follows.into_iter().map(|follow| Group { follows: vec![follow], ..Group::default() });
        let uploads = uploads.into_iter().map(|upload| Group { uploads: vec![upload], ..Group::default() });
        let claims = claims.into_iter().map(|claim| Group { claims: vec![claim], ..Group::default() });
        let starts = starts.into_iter().map(|start| Group { starts: vec![start], ..Group::default() });
        let commits = commits.into_iter().map(|commit| Group { commits: vec![commit], ..Group::default() });
        let of_handles = std::iter::once(first).chain(changes).chain(appends).chain(follows);
        let instances = instances.into_iter().map(|one| Group { instances: vec![one], ..Group::default() });
        of_handles.chain(uploads).chain(claims).chain(starts).chain(commits).chain(instances)
    }

    /// Decides everything, each kind in the order of arrival, and writes what follows, without committing. `signer` signs
    /// receipts where no later one is among the changes.
    pub(super) async fn store(
        &mut self,
        db: &mut SqliteConnection,
        signer: Option<&Signer>,
        policy: Option<&Policy>,
    ) -> Result<(), StoreError> {
        for (signer, answer) in &mut self.signers {
            sigchains::use_key(db, signer).await?;
            answer.put(Ok(()));
        }
        for (chain, bytes) in &self.checkpoints {
            sigchains::keep_checkpoint(db, chain, bytes).await?;
        }
        if !self.appends.is_empty() {
            let signer = self.signers.last().map(|(signer, _)| signer).or(signer);
            sigchains::append(db, &mut self.appends, signer, policy).await?;
        }
        if let Some(policy) = policy {
            if !self.changes.is_empty() {
                handles::decide(db, &mut self.changes, policy).await?;
            }
            for follow in &mut self.follows {
                follow.write(db, &policy.server).await?;
            }
            let ended = self.ended();
            if !ended.is_empty() {
                key_packages::forget(db, &ended).await?;
            }
            if !self.uploads.is_empty() {
                key_packages::put(db, &mut self.uploads, policy).await?;
            }
            if !self.claims.is_empty() {
                key_packages::give(db, &mut self.claims, policy).await?;
            }
            if !self.starts.is_empty() {
                conversations::start(db, &mut self.starts, policy).await?;
            }
            if !self.commits.is_empty() {
                conversations::add(db, &mut self.commits, policy).await?;
            }
            if !self.instances.is_empty() {
                instances::keep(db, &mut self.instances, policy).await?;
            }
        }
        self.checks.iter_mut().for_each(|check| check.put(Ok(())));
        Ok(())
    }

    /// The keys that stand for nobody any more.
    fn ended(&self) -> Vec<KeyId> {
        let of_chains =
            self.appends.iter().filter_map(Appending::change).chain(self.follows.iter().flat_map(Follow::changes));
        of_chains.flat_map(handles::ended).chain(self.changes.iter().flat_map(Change::ended)).collect()
    }

    /// The time, if the last deletion of what is over is long enough ago, or the clock was set back since.
    pub(super) fn due_to_prune(&self, last: Option<Timestamp>) -> Option<Timestamp> {
        let now = self.changes.last().map(Change::now);
        let now = now.or_else(|| self.uploads.last().map(Uploading::now));
        let now = now.or_else(|| self.claims.last().map(Claiming::now));
        let now = now.or_else(|| self.starts.last().map(Starting::now));
        let now = now.or_else(|| self.commits.last().map(Committing::now));
        let now = now.or_else(|| self.instances.last().map(Beginning::now))?;
        last.is_none_or(|last| (now.unix() - last.unix()).abs() >= PRUNE_SECS).then_some(now)
    }

    /// Tells whoever has to know, then every caller how it went. Gives the key that signs receipts from now on.
    pub(super) fn answer(self, committed: &Result<(), StoreError>, listener: &dyn Listener) -> Option<Signer> {
        // Also after a failure: a commit that was reported as failed may have reached the disk.
        self.changes.iter().for_each(|change| listener.changed(&change.change()));
        let of_chains =
            self.appends.iter().filter_map(Appending::change).chain(self.follows.iter().flat_map(Follow::changes));
        of_chains.for_each(|change| listener.changed(change));
        self.changes.into_iter().for_each(|change| change.answer(committed));
        self.appends.into_iter().for_each(|append| append.answer(committed));
        self.follows.into_iter().for_each(|follow| follow.answer(committed));
        self.uploads.into_iter().for_each(|upload| upload.answer(committed));
        self.claims.into_iter().for_each(|claim| claim.answer(committed));
        self.starts.into_iter().for_each(|start| start.answer(committed));
        self.commits.into_iter().for_each(|commit| commit.answer(committed));
        self.instances.into_iter().for_each(|instance| instance.answer(committed));
        self.checks.into_iter().for_each(|check| check.send(committed));
        let mut signing = None;
        for (signer, answer) in self.signers {
            answer.send(committed);
            signing = committed.is_ok().then_some(signer);
        }
        signing
    }
}
