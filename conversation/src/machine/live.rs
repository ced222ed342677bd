//! What is known as long as the machine runs.

use std::collections::{BTreeMap, BTreeSet};

use kez_core::KeyId;

use super::{instance, mail};
use crate::content::Id;
use crate::context::{Cid, Context};
use crate::effect::Wait;
use crate::event::Log;

/// What is known as long as the machine runs, and is asked again when it runs the next time.
#[derive(Default)]
pub(super) struct Live {
    pub(super) connected: bool,
    pub(super) mailbox: mail::Mailbox,
    pub(super) instance: instance::Stage,
    /// When the server last took a step of this state, by the steady clock.
    pub(super) stepped_at: Option<u64>,
    pub(super) next: u64,
    pub(super) requests: BTreeMap<u64, String>,
    /// What is being asked, or when it may be asked again, and how often it had no answer.
    pub(super) asked: BTreeMap<String, Asked>,
    /// When each chain was asked for, by the steady clock and by number.
    pub(super) chains: BTreeMap<KeyId, (u64, u64)>,
    pub(super) logs: BTreeMap<Cid, LogPart>,
    /// The record, the device and the frame's id there, by publish.
    pub(super) publishes: BTreeMap<u64, (String, KeyId, Id)>,
    pub(super) publishing: BTreeSet<(String, KeyId)>,
    pub(super) refused_publishes: BTreeMap<(String, KeyId), Asked>,
    pub(super) available: Option<(u32, bool)>,
    pub(super) topping_up: bool,
    /// Whether this run was the only one before.
    pub(super) opened: bool,
    pub(super) tried: BTreeMap<KeyId, u64>,
    pub(super) waiting: BTreeMap<KeyId, Wait>,
    pub(super) told_waiting: BTreeSet<KeyId>,
    pub(super) signing: BTreeSet<KeyId>,
    /// Frames in a row that did not open, by conversation; and in which second how many, by sender.
    pub(super) failing: BTreeMap<Cid, u32>,
    pub(super) failures: BTreeMap<KeyId, (u64, u32)>,
    /// The number at which a conversation's newest epoch began here.
    pub(super) begun_at: BTreeMap<Cid, u64>,
    /// The number at which something was last encrypted in a conversation's epoch.
    pub(super) unsure_at: BTreeMap<Cid, u64>,
    /// The devices whose packages are being claimed, by identity.
    pub(super) claiming: BTreeMap<KeyId, Vec<KeyId>>,
    /// Commits and Welcomes that were refused on what was known then, by conversation with its epoch, and by frame.
    pub(super) refused: BTreeMap<Cid, u64>,
    pub(super) refused_welcomes: BTreeSet<String>,
    /// What Welcomes that wait are to.
    pub(super) examined: BTreeMap<String, (Cid, Context, u64)>,
    /// When frames of an epoch ahead were first seen.
    pub(super) noticed: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Asked {
    pub(super) under_way: bool,
    /// When it was asked last, and by which number.
    pub(super) at: u64,
    pub(super) request: u64,
    pub(super) not_before: u64,
    pub(super) failures: u32,
}

/// What is known of a conversation's log behind the epoch that this device is in.
pub(super) struct LogPart {
    /// When it was asked for, by the steady clock and by number, and the number of its answer.
    pub(super) at: u64,
    pub(super) request: u64,
    pub(super) answer: u64,
    pub(super) log: Log,
    /// Whether the server knows the conversation.
    pub(super) known: bool,
}
