//! Claims: what an identity says that it also controls, and what this server found when it looked.
//!
//! For tests: on `/identity`, `#claims` with the list `#claims-list > li` (`data-id`, `data-type`), button `Withdraw it`;
//! the form `#claims-add` with `#claim-type` and `#claim-subject`, button `What do I publish?`; then `#claim-draft` with
//! `#claim-where`, `#claim-text` and, for a gist, `#claim-proof`; buttons `It is published: sign the claim`, `Cancel`;
//! `#claims-error` has `role=alert`. On a profile, each claim is `#card-claims-list > li`. Both lists' items have `data-state`:
//! `asking`, then what the server found, or `unknown` where it does not tell.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kez_core::canonical::{Json, Object};
use kez_core::claim::{Evidence, Kind, proof_text};
use kez_core::sigchain::{Body, Claim};
use kez_core::{Handle, Hash};
use web_sys::Element;

use super::devices::sign;
use super::fetch::{Fetched, Trouble};
use super::follow::{self, Own};
use super::markup::{button, escape, quoted, theirs};
use crate::api::{self, text};
use crate::browser::{self, draw, focus, mark, put, tell, value_of};
use crate::components::day;
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
        if let Some(own) = follow::shown() {
            spawn(pressed(own, button));
        }
    });
    browser::on_submit("claims-add", || {
        if let Some(own) = follow::shown() {
            prepare(&own);
        }
    });
}

/// Shows the claims of the identity in this browser, and, once the server has told, what it found at each.
pub(super) fn show(own: &Rc<Own>) {
    let Some(claims) = own.fetched.borrow().chain.state().map(|state| state.claims.clone()) else {
        return mark("claims", "hidden", Some(""));
    };
    let item = |(id, claim): (&Hash, &Claim)| {
        line(id, claim, "", &button("button secondary", "withdraw", &id.to_string(), "Withdraw it"))
    };
    draw("claims-list", &claims.iter().map(item).collect::<String>());
    mark("claims", "hidden", None);
    let own = Rc::clone(own);
    find(own.identity.handle.clone(), claims.keys().copied().collect(), move || {
        follow::shown().is_some_and(|shown| Rc::ptr_eq(&shown, &own))
    });
}

/// A claim, of which it is not known yet what was found. `more` comes behind that, `below` under it, both markup.
fn line(id: &Hash, claim: &Claim, more: &str, below: &str) -> String {
    format!(
        "<li id=\"claim-{id}\" data-id=\"{id}\" data-type=\"{}\" data-state=\"asking\"><p>{}</p><p class=\"quiet\">\
         <span id=\"found-{id}\">Asking this server what it found…</span>{more}</p>{below}</li>",
        escape(&claim.r#type),
        title(claim)
    )
}

/// Asks the server what it found at claims that are drawn, and says so while `are_shown`. Nothing waits for it.
fn find(handle: Handle, claims: Vec<Hash>, are_shown: impl FnOnce() -> bool + 'static) {
    if claims.is_empty() {
        return;
    }
    spawn(async move {
        let found = Findings::of(&handle).await;
        if !are_shown() {
            return;
        }
        for id in claims {
            let (state, says) = says(found.as_ref(), &id);
            mark(&format!("claim-{id}"), "data-state", Some(&state));
            draw(&format!("found-{id}"), &says);
        }
    });
}

fn title(claim: &Claim) -> String {
    match about(claim) {
        Some(about) => format!("Says that it controls {about}"),
        None => format!("Says something that nobody can check: {}", words(claim)),
    }
}

/// What a claim is about, as markup; none where it is of no kind, or no subject, that this page has a word for.
pub(super) fn about(claim: &Claim) -> Option<String> {
    let kind: Kind = claim.r#type.parse().ok()?;
    let what = match kind.check_subject(&claim.subject).ok().map(|()| kind)? {
        Kind::Dns => "the domain",
        Kind::Https => "the web host",
        Kind::Github => "the GitHub account",
    };
    Some(format!("{what} <strong>{}</strong>", theirs(&claim.subject)))
}

/// A claim in its own words, which are nobody's but its signer's.
pub(super) fn words(claim: &Claim) -> String {
    format!("type {}, subject {}", quoted(&claim.r#type), quoted(&claim.subject))
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
            Ok(claim) => sign(&own, &Body::ClaimRemove { claim }, "").await,
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
    sign(own, &Body::ClaimAdd { claim }, "").await?;
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

/// Shows the claims of a profile: which there are says the verified chain, what was found at each says the server.
pub(super) fn card(handle: &Handle, fetched: &Fetched) {
    let Some(claims) = fetched.chain.state().map(|state| &state.claims).filter(|claims| !claims.is_empty()) else {
        return;
    };
    draw("card-claims-list", &claims.iter().map(|(id, claim)| line(id, claim, &alone(claim), "")).collect::<String>());
    mark("card-claims", "hidden", None);
    find(handle.clone(), claims.keys().copied().collect(), || true);
}

/// How to look without this server.
fn alone(claim: &Claim) -> String {
    let alone = Evidence::of(claim).map(|evidence| {
        format!(
            " <a href=\"{}\" rel=\"noreferrer nofollow\">Look yourself</a>, or run <code>{}</code>",
            escape(&evidence.link()),
            escape(&evidence.command())
        )
    });
    alone.unwrap_or_default()
}

/// What the server says that it found at an identity's claims.
struct Findings(Vec<Json>);

impl Findings {
    /// None where it cannot be asked.
    async fn of(handle: &Handle) -> Option<Findings> {
        let answer = browser::get(&format!("/v1/u/{handle}/claims"), None).await.ok()?;
        match api::object(&answer.body).filter(|_| answer.status == 200)?.remove("claims") {
            Some(Json::Array(found)) => Some(Findings(found)),
            _ => None,
        }
    }

    fn at(&self, id: &str) -> Option<&Object> {
        self.0.iter().find_map(|found| match found {
            Json::Object(members) if text(members, "id") == Some(id) => Some(members),
            _ => None,
        })
    }
}

/// The state of a claim, and the same in words, as markup.
fn says(findings: Option<&Findings>, id: &Hash) -> (String, String) {
    let Some(findings) = findings else {
        return ("unknown".to_owned(), "This server cannot be asked what it found.".to_owned());
    };
    let found = findings.at(&id.to_string());
    let state = found.and_then(|found| text(found, "state")).unwrap_or("unchecked");
    let at = found.and_then(|found| text(found, "checked_at")?.parse().ok()).map(day).unwrap_or_default();
    let says = match state {
        "proven" => format!("This server found the proof on {at}."),
        "failed" => format!("This server looked on {at} and found no proof. Do not rely on it."),
        "unreachable" => format!("This server could not look on {at}."),
        "unsupported" => "This server cannot check claims of this kind.".to_owned(),
        _ => "This server has not looked yet.".to_owned(),
    };
    let why = found.filter(|_| matches!(state, "failed" | "unreachable")).and_then(|found| text(found, "detail"));
    let why = why.map(|why| format!(" ({})", theirs(why)));
    (state.to_owned(), format!("{says}{}", why.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(kind: &str, subject: &str) -> Claim {
        Claim { r#type: kind.to_owned(), subject: subject.to_owned(), proof: String::new() }
    }

    #[test]
    fn a_claim_that_can_be_checked_is_told_in_this_pages_words() {
        let told = title(&claim("dns", "example.org"));
        assert_eq!(told, "Says that it controls the domain <strong><bdi>example.org</bdi></strong>");
    }

    #[test]
    fn any_other_is_quoted_whatever_it_calls_itself() {
        for (kind, subject) in [
            ("Website", "example.org"),
            ("Verified", "This server found the proof."),
            ("Says that it controls the domain", "example.org"),
            ("DNS", "example.org"),
            ("dns ", "example.org"),
            // A kind that is known, and a subject that is none of it.
            ("dns", "example.org, proven"),
            ("github", "alice (verified)"),
        ] {
            let quote = |text| format!("<q class=\"theirs\"><bdi>{text}</bdi></q>");
            let told = title(&claim(kind, subject));
            assert_eq!(
                told,
                format!("Says something that nobody can check: type {}, subject {}", quote(kind), quote(subject))
            );
        }
    }
}
