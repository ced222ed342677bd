//! Answers that come late.

use super::world::World;

#[test]
fn a_late_answer_about_one_commit_is_none_about_the_next() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    world.acquaint(a, b);
    world.say(a, b, "one");
    // A device of theirs is added; the commit is in the log, and its answer on its way.
    world.devices[a].waits = true;
    let second = world.sibling(b, 3);
    world.devices[second].deaf = true;
    world.pass(61);
    // The first text has the device's packages claimed, the next one adds it.
    world.say(a, b, "two");
    world.say(a, b, "again");
    assert_eq!(world.late(a), 1);
    // The log says what became of it.
    world.say(b, a, "three");
    world.pass(2);
    // Another device. This side claims its packages, and the other side's commit is first.
    let third = world.sibling(b, 4);
    world.devices[third].deaf = true;
    world.pass(61);
    world.say(a, b, "five");
    world.devices[a].deaf = true;
    world.say(b, a, "four");
    world.say(b, a, "more");
    world.say(a, b, "six");
    let late = world.late(a);
    assert_eq!(late, 2, "both answers are on their way");
    world.answer_late(a);
    (1..late).for_each(|_| world.answer_late(a));
    (world.devices[a].deaf, world.devices[a].waits) = (false, false);
    world.pass(120);
    for at in [a, b] {
        let mut texts = world.texts(at);
        texts.sort_unstable();
        assert_eq!(texts, ["again", "five", "four", "more", "one", "six", "three", "two"], "{at}");
        let status = world.machine(at).status();
        assert!(status.conversations.iter().all(|one| one.generation == 1), "no conversation stopped: {status:?}");
    }
}

#[test]
fn what_waited_is_not_published_in_an_epoch_that_is_over() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    world.acquaint(a, b);
    world.say(a, b, "one");
    world.pass(70);
    // It is encrypted, and then the program is gone for long.
    world.devices[a].mute = true;
    world.devices[a].deaf = true;
    world.say(a, b, "two");
    let second = world.sibling(b, 3);
    world.devices[second].deaf = true;
    world.pass(61);
    world.say(b, a, "a device is added");
    world.say(b, a, "and there");
    // The other side lets go of what nobody may need any longer.
    world.skip(8 * 86_400);
    world.say(b, a, "much later");
    (world.devices[a].mute, world.devices[a].deaf) = (false, false);
    world.restart(a);
    world.pass(130);
    assert!(world.texts(b).contains(&"two".to_owned()), "{:?}", world.texts(b));
    assert!(world.texts(a).contains(&"much later".to_owned()), "{:?}", world.texts(a));
}
