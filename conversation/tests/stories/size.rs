//! What a conversation takes on a disk.

use super::world::World;

/// Bytes of one conversation's state: the group's, the library's, and past epochs' keys.
const MOST: usize = 40_000;

#[test]
fn a_conversation_of_four_devices_is_small() {
    let mut world = World::new();
    let (a, b) = (world.identity(1), world.identity(2));
    let (a2, b2) = (world.sibling(a, 3), world.sibling(b, 4));
    world.acquaint(a, b);
    for n in 0..10 {
        for (at, with) in [(a, b), (b, a), (a2, b), (b2, a)] {
            world.say(at, with, &format!("{n} of {at}"));
        }
        world.pass(20);
    }
    assert_eq!(world.texts(a).len(), 40, "{:?}", world.texts(a));
    let (chain, bob) = (world.devices[a].chain, world.devices[b].chain);
    let status = world.machine(a).status();
    let of_four = status.conversations.iter().filter(|one| one.with == bob && one.devices.len() == 3).count();
    assert_eq!(of_four, 1, "{status:?}");
    let disk = &world.devices[a].disk;
    let is_theirs = |value: &[u8]| {
        let group: serde_json::Value = serde_json::from_slice(value).expect("a record");
        group["peer"] != chain.to_string()
    };
    let cid = disk.iter().find(|(name, value)| name.starts_with("group/") && is_theirs(value)).map(|(name, _)| name);
    let cid = cid.and_then(|name| name.strip_prefix("group/")).expect("there is one");
    let bytes: usize = disk
        .iter()
        .filter(|(name, _)| name.starts_with(&format!("mls/{cid}")) || name.ends_with(cid))
        .map(|(name, value)| name.len() + value.len())
        .sum();
    println!("a conversation of 4 devices: {bytes} bytes");
    assert!(bytes <= MOST, "{bytes}");
}
