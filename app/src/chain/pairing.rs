//! The relay by which a new browser hands its offer of a device key to one that holds the identity.

use kez_core::canonical::{Json, Object};
use kez_core::sigchain::{Body, Offer};

use crate::api::{self, Failure};
use crate::browser;

/// An offer that the relay holds, and what it takes to renew it.
pub(super) struct Ticket {
    pub(super) code: String,
    secret: String,
}

/// Leaves an offer at the relay.
pub(super) async fn leave(offer: &Offer) -> Result<Ticket, Failure> {
    let answer = browser::post_json("/v1/pairings", &to_json(offer)).await?;
    if answer.status != 201 {
        return Err(api::refusal(&answer));
    }
    let members = api::object(&answer.body).ok_or(Failure::Odd)?;
    let text = |name| api::text(&members, name).map(str::to_owned).ok_or(Failure::Odd);
    Ok(Ticket { code: text("code")?, secret: text("secret")? })
}

/// Replaces an offer: its chain went on.
pub(super) async fn renew(ticket: &Ticket, offer: &Offer) -> Result<(), Failure> {
    let bearer = format!("Bearer {}", ticket.secret);
    let path = format!("/v1/pairings/{}", ticket.code);
    let answer = browser::send_json("PUT", &path, &to_json(offer), &[("authorization", &bearer)]).await?;
    if answer.status < 300 { Ok(()) } else { Err(api::refusal(&answer)) }
}

/// The offer with this code, whose proof holds.
pub(super) async fn find(code: &str) -> Result<Offer, Failure> {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    let answer = browser::get(&format!("/v1/pairings/{letters}"), None).await?;
    if answer.status != 200 {
        return Err(api::refusal(&answer));
    }
    let mut members = api::object(&answer.body).ok_or(Failure::Odd)?;
    Offer::read(&mut members).map_err(|_| Failure::Odd)
}

fn to_json(offer: &Offer) -> Vec<u8> {
    let text = |name: &str, text: String| (name.to_owned(), Json::String(text));
    let place = offer.place();
    let mut members = Object::from([
        text("chain", place.chain.to_string()),
        ("seq".to_owned(), Json::Integer(i64::try_from(place.seq).unwrap_or(i64::MAX))),
        ("prev".to_owned(), place.prev.map_or(Json::Null, |prev| Json::String(prev.to_string()))),
        text("key", offer.key().to_string()),
    ]);
    if let Body::AddDeviceKey { pop, .. } = offer.body() {
        members.extend([text("pop", pop.to_string())]);
    }
    Json::Object(members).to_canonical()
}
