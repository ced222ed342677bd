//! Who is a contact.

use kez_conversation::{Event, Notice, Snapshot, Stands};

use super::world::World;

#[test]
fn to_be_taken_in_by_whom_one_asked_is_to_be_accepted() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    world.acquaint(a, b);
    let bob = world.devices[b].chain;
    assert_eq!(world.machine(a).stands(&bob), Stands::Contact { accepted_here: false });
    assert_eq!(world.was_told(a, |notice| *notice == Notice::Accepted { by: bob }), 1);
    world.say(a, b, "hello");
    assert_eq!(world.texts(b), ["hello"]);
}

#[test]
fn whoever_asks_though_they_are_a_contact_lost_everything() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    world.acquaint(a, b);
    world.say(b, a, "before");
    let (alice, bob) = (world.devices[a].chain, world.devices[b].chain);
    world.devices[a].disk = Snapshot::new();
    world.restart(a);
    world.stand(a, b, Stands::Asked);
    world.tell(b, Event::AskedAgain { chain: alice });
    world.pass(5);
    let generations: Vec<u64> = world
        .machine(a)
        .status()
        .conversations
        .iter()
        .filter(|one| one.with == bob)
        .map(|one| one.generation)
        .collect();
    assert_eq!(generations, [2]);
    world.say(a, b, "I am back");
    world.say(b, a, "welcome");
    assert_eq!(world.texts(a), ["I am back", "welcome"]);
    assert_eq!(world.texts(b), ["before", "I am back", "welcome"]);
    // Somebody who has her key cannot have that happen without end.
    for _ in 0..20 {
        world.tell(b, Event::AskedAgain { chain: alice });
        world.pass(2);
    }
    let most = world.machine(b).status().conversations.iter().map(|one| one.generation).max();
    assert!(most <= Some(5), "{most:?}");
}

#[test]
fn whoever_is_no_contact_any_longer_is_not_heard() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    world.acquaint(a, b);
    world.say(b, a, "one");
    world.stand(a, b, Stands::Stranger);
    world.say(b, a, "two");
    world.pass(5);
    assert_eq!(world.texts(a), ["one"]);
}
