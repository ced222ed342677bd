//! Several devices of one identity.

use kez_conversation::{Event, Notice, Stands};
use kez_core::canonical::Json;

use super::world::World;

#[test]
fn a_sibling_knows_of_contacts_and_hears_what_came_before_it_did() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    let phone = world.sibling(a, 3);
    // It gets everything at once, when the others are done.
    world.devices[phone].deaf = true;
    world.acquaint(b, a);
    world.say(b, a, "to both");
    world.pass(5);
    world.devices[phone].deaf = false;
    world.pass(5);
    let bob = world.devices[b].chain;
    assert_eq!(world.machine(phone).stands(&bob), Stands::Contact { accepted_here: false });
    assert_eq!(world.texts(phone), ["to both"]);
    world.say(phone, b, "from the phone");
    world.pass(5);
    assert_eq!(world.texts(b), ["to both", "from the phone"]);
    assert_eq!(world.texts(a), ["to both", "from the phone"]);

    // Whoever is refused on one device is refused on all.
    world.stand(phone, b, Stands::Stranger);
    world.pass(5);
    assert_eq!(world.machine(a).stands(&bob), Stands::Stranger);
    world.say(b, a, "not wanted");
    world.pass(5);
    assert_eq!(world.texts(a).len() + world.texts(phone).len(), 4);
}

#[test]
fn what_one_device_notes_the_others_know_and_a_revoked_one_decides_nothing() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    let phone = world.sibling(a, 3);
    world.acquaint(b, a);
    world.pass(70);
    let note = |value: &str| Event::Note { key: "read/x".to_owned(), value: Json::String(value.to_owned()) };
    world.tell(phone, note("7"));
    world.pass(5);
    let told = |wanted: &'static str| move |notice: &Notice| matches!(notice, Notice::Noted { key, value: Json::String(value) } if key == "read/x" && value == wanted);
    assert_eq!(world.was_told(a, told("7")), 1);
    let (chain, stolen) = (world.devices[a].chain, world.devices[phone].key.id());
    world.server.revoke(chain, stolen);
    world.pass(61);
    world.tell(phone, note("8"));
    world.pass(70);
    assert_eq!(world.was_told(a, told("8")), 0);
    world.say(b, a, "not for the thief");
    world.pass(5);
    assert_eq!(world.texts(a), ["not for the thief"]);
    assert_eq!(world.texts(phone), [""; 0]);
}
