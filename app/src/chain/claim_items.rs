//! Claims: what an identity says that it also controls, and what this server found when it looked.
//!
//! For tests: on a profile, each claim is `#card-claims-list > li`. The items of that list, and of an owner's, have
//! `data-state`: `asking`, then what the server found, or `unknown` where it does not tell.

use kez_core::canonical::{Json, Object};
use kez_core::claim::{Evidence, Kind};
use kez_core::sigchain::Claim;
use kez_core::{Handle, Hash};

use super::fetch::Fetched;
use super::markup::{escape, quoted, theirs};
use crate::api::{self, text};
use crate::browser::{self, draw, mark};
use crate::components::day;
use crate::task::spawn;

/// Shows the claims of a profile: which there are says the verified chain, what was found at each says the server.
pub(super) fn show(handle: &Handle, fetched: &Fetched) {
    let Some(claims) = fetched.chain.state().map(|state| &state.claims).filter(|claims| !claims.is_empty()) else {
        return;
    };
    draw("card-claims-list", &claims.iter().map(|(id, claim)| item(id, claim, &alone(claim), "")).collect::<String>());
    mark("card-claims", "hidden", None);
    find(handle.clone(), claims.keys().copied().collect(), || true);
}

/// A claim as an item of a list, of which it is not known yet what was found. `more` comes behind that, `below` under it, both markup.
pub(super) fn item(id: &Hash, claim: &Claim, more: &str, below: &str) -> String {
    format!(
        "<li id=\"claim-{id}\" data-id=\"{id}\" data-type=\"{}\" data-state=\"asking\"><p>{}</p><p class=\"quiet\">\
         <span id=\"found-{id}\">Asking this server what it found…</span>{more}</p>{below}</li>",
        escape(&claim.r#type),
        title(claim)
    )
}

/// Asks the server what it found at claims that are drawn, and says so while `are_shown`. Nothing waits for it.
pub(super) fn find(handle: Handle, claims: Vec<Hash>, are_shown: impl FnOnce() -> bool + 'static) {
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
