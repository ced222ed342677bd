//! An owner's claims: listed, made, withdrawn.
//!
//! For tests: `#claims` with the list `#claims-list > li` (`data-id`, `data-type`), button `Withdraw it`;
//! the form `#claims-add` with `#claim-type` and `#claim-subject`, button `What do I publish?`; then `#claim-draft` with
//! `#claim-where`, `#claim-text` and, for a gist, `#claim-proof`; buttons `It is published: sign the claim`, `Cancel`;
//! `#claims-error` has `role=alert`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kez_core::Hash;
use kez_core::claim::{Evidence, Kind, proof_text};
use kez_core::sigchain::{Body, Claim};
use web_sys::Element;

use super::claim_items::{find, item};
use super::fetch::Trouble;
use super::markup::button;
use super::own::{self, Own};
use crate::browser::{self, draw, focus, mark, put, tell, value_of};
use crate::task::spawn;

thread_local! {
    /// What somebody is about to claim.
    static DRAFT: RefCell<Option<(Kind, String)>> = const { RefCell::new(None) };
    static LISTENS: Cell<bool> = const { Cell::new(false) };
}

/// Hears the section's buttons.
pub(super) fn listen() {
    if LISTENS.replace(true) {
        return;
    }
    browser::on_press("claims", |button| {
        if let Some(own) = own::shown() {
            spawn(pressed(own, button));
        }
    });
    browser::on_submit("claims-add", || {
        if let Some(own) = own::shown() {
            prepare(&own);
        }
    });
}

/// Shows the claims of the identity in this browser, and, once the server has told, what it found at each.
pub(super) fn show(own: &Rc<Own>) {
    let Some(claims) = own.fetched.borrow().chain.state().map(|state| state.claims.clone()) else {
        return mark("claims", "hidden", Some(""));
    };
    let own_item = |(id, claim): (&Hash, &Claim)| {
        item(id, claim, "", &button("button secondary", "withdraw", &id.to_string(), "Withdraw it"))
    };
    draw("claims-list", &claims.iter().map(own_item).collect::<String>());
    mark("claims", "hidden", None);
    let own = Rc::clone(own);
    find(own.identity.handle.clone(), claims.keys().copied().collect(), move || {
        own::shown().is_some_and(|shown| Rc::ptr_eq(&shown, &own))
    });
}

/// Tells what has to be published where.
fn prepare(own: &Own) {
    tell("claims-error", "");
    let subject = value_of("claim-subject").trim().to_ascii_lowercase();
    let kind = match value_of("claim-type").parse::<Kind>() {
        Ok(kind) => kind,
        Err(error) => return tell("claims-error", &error.to_string()),
    };
    if let Err(error) = kind.check_subject(&subject) {
        focus("claim-subject");
        return tell("claims-error", &error.to_string());
    }
    let place = match kind {
        Kind::Dns => format!("Publish this as a TXT record of _kez.{subject}:"),
        Kind::Https => format!("Publish this document at https://{subject}{}:", kez_core::claim::WELL_KNOWN),
        Kind::Github => "Publish this line in a public gist of that account, then paste the gist’s address:".to_owned(),
    };
    tell("claim-where", &place);
    tell("claim-text", &proof_text(kind, &own.fetched.borrow().chain.id()));
    mark("claim-gist", "hidden", (kind != Kind::Github).then_some(""));
    mark("claim-draft", "hidden", None);
    DRAFT.set(Some((kind, subject)));
    focus("claim-draft-title");
}

async fn pressed(own: Rc<Own>, button: Element) {
    tell("claims-error", "");
    let done = match button.get_attribute("data-do").as_deref() {
        Some("sign") => add(&own).await,
        Some("cancel") => {
            forget_draft();
            Ok(())
        }
        Some("withdraw") => match button.get_attribute("data-about").unwrap_or_default().parse() {
            Ok(claim) => own.sign(&Body::ClaimRemove { claim }).await,
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    };
    if let Err(trouble) = done {
        tell("claims-error", &trouble.advice());
    }
}

async fn add(own: &Rc<Own>) -> Result<(), Trouble> {
    let Some((kind, subject)) = DRAFT.with_borrow(Clone::clone) else { return Ok(()) };
    let draft = Claim { r#type: kind.as_str().to_owned(), subject, proof: value_of("claim-proof").trim().to_owned() };
    let evidence = match Evidence::of(&draft) {
        Ok(evidence) => evidence,
        Err(error) => {
            tell("claims-error", &error.to_string());
            return Ok(());
        }
    };
    let claim = Claim { proof: evidence.proof(), ..draft };
    own.sign(&Body::ClaimAdd { claim }).await?;
    forget_draft();
    put("claim-subject", "");
    put("claim-proof", "");
    focus("claims-title");
    Ok(())
}

fn forget_draft() {
    DRAFT.set(None);
    mark("claim-draft", "hidden", Some(""));
}
