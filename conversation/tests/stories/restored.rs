//! States that were put back.

use kez_conversation::Notice;

use super::world::World;

#[test]
fn a_copy_that_is_put_back_takes_fresh_keys_and_keeps_its_texts() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    world.acquaint(a, b);
    world.say(b, a, "one");
    let copy = world.devices[a].disk.clone();
    world.pass(130);
    world.say(a, b, "two");
    world.say(b, a, "three");
    world.restart(a);
    world.pass(2);
    world.devices[a].disk = copy;
    world.restart(a);
    assert_eq!(world.was_told(a, |notice| *notice == Notice::BeganAnew), 1);
    // It asks at once, and is taken in.
    world.pass(30);
    world.say(a, b, "four");
    world.say(b, a, "five");
    world.pass(5);
    let texts = world.texts(a);
    for text in ["one", "four", "five"] {
        assert!(texts.contains(&text.to_owned()), "{texts:?}");
    }
    assert!(world.texts(b).contains(&"four".to_owned()));
}

/// Within two minutes the server cannot tell a copy from the state: its commits in the log can.
#[test]
fn a_commit_of_ones_own_that_this_state_did_not_make_stops_no_conversation() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    world.acquaint(a, b);
    world.say(a, b, "one");
    let copy = world.devices[a].disk.clone();
    world.sibling(b, 3);
    world.pass(61);
    // The first text has the new device's package claimed, the next one adds it by a commit.
    world.say(a, b, "two");
    world.say(a, b, "again");
    world.pass(2);
    world.devices[a].disk = copy;
    world.restart(a);
    world.pass(180);
    assert_eq!(world.was_told(a, |notice| matches!(notice, Notice::Copied { .. })), 1);
    world.say(b, a, "three");
    world.pass(5);
    world.say(a, b, "four");
    world.pass(5);
    assert!(world.texts(a).contains(&"three".to_owned()), "{:?}", world.texts(a));
    assert!(world.texts(b).contains(&"four".to_owned()), "{:?}", world.texts(b));
    assert_eq!(world.was_told(b, |notice| matches!(notice, Notice::Stopped { .. })), 0);
}
