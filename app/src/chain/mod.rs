//! Sigchains in the browser: an identity's log of keys, verified here, and what its owner does with it.
//!
//! This is a program of its own (`sigchain`, split from the pages' wasm when they are built) that is loaded where a page
//! first needs it. The functions below are its doors: nothing else of this module is named outside it, or it would be
//! in the program that every page loads.

mod accept;
mod backup;
mod claim_items;
mod claims;
mod devices;
mod draft;
mod fetch;
mod history;
mod join;
mod markup;
mod own;
mod pairing;
mod profile;
mod recover;
mod recovery_steps;
mod sections;
mod sheet;
mod standing;
mod words;

use kez_core::contact_request::SignedRequest;
use kez_core::{Handle, KeyId, ServerName};
use leptos::wasm_split::{SplitLoaderError, wasm_split};

pub(crate) use self::accept::Judged;
pub(crate) use self::profile::Card;
use crate::task::Later;
use crate::vault::Identity;

/// What to say when the program could not be loaded.
pub(crate) const NOT_LOADED: &str =
    "A part of this page could not be loaded. Check your connection, then load the page again.";

/// The program could not be loaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotLoaded;

impl From<SplitLoaderError> for NotLoaded {
    fn from(_: SplitLoaderError) -> Self {
        NotLoaded
    }
}

/// Verifies the chain of a profile, and draws its history; `signer` is the key that signed the registration.
#[wasm_split(sigchain, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(crate) fn card(handle: Handle, shown: KeyId, signer: KeyId) -> Result<Later<Card>, NotLoaded> {
    Ok(Box::pin(async move { profile::check(&handle, &shown, &signer).await }))
}

/// Judges a contact request by the chain of the identity that it says it is from.
#[wasm_split(sigchain, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(crate) fn judge(signed: SignedRequest, server: ServerName) -> Result<Later<Judged>, NotLoaded> {
    Ok(Box::pin(async move { accept::judge(&signed, &server).await }))
}

/// The chain key of who has `handle`, where `shown` is the primary that the reader sees; else what to do.
#[wasm_split(sigchain, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(crate) fn reach(
    handle: Handle,
    shown: KeyId,
    server: ServerName,
) -> Result<Later<Result<KeyId, String>>, NotLoaded> {
    Ok(Box::pin(async move { accept::reach(&handle, &shown, &server).await }))
}

/// Shows backup, devices and claims of the identity that this browser holds.
#[wasm_split(sigchain, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(crate) fn own(identity: Identity) -> Result<(), NotLoaded> {
    sections::show(identity);
    Ok(())
}

/// Makes the recovery words of an identity that was registered just now.
#[wasm_split(sigchain, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(crate) fn first_words(identity: Identity) -> Result<(), NotLoaded> {
    sections::first_words(identity);
    Ok(())
}

/// Why `identity` may no longer log in, as its chain has it.
#[wasm_split(sigchain, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(crate) fn why_out(identity: Identity) -> Result<Later<Option<String>>, NotLoaded> {
    Ok(Box::pin(async move { standing::why_out(&identity).await }))
}

/// Runs the page on which a browser asks to become a device.
#[wasm_split(sigchain, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(crate) fn join() -> Result<(), NotLoaded> {
    join::run();
    Ok(())
}

/// Runs the page on which an identity is got back with its words.
#[wasm_split(sigchain, wasm_split_path = ::leptos::wasm_split, fallible)]
pub(crate) fn recover() -> Result<(), NotLoaded> {
    recover::run();
    Ok(())
}
