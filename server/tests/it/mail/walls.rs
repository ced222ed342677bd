//! Every wildcard in a subject that a device is granted is the device's to fill in: with what is somebody else's, with what
//! is absurd, and with nothing. Whatever it is, nothing changes for anybody else, its siblings included.

use serde_json::{Value, json};

use super::Scene;
use super::device::Device;
use crate::nats::raw::Sent;
use crate::nats::state::{Store, Stored};

/// What somebody puts in the place of the wildcards of one granted subject.
struct Wall {
    subjects: Vec<String>,
    bodies: &'static [&'static str],
}

struct Walls {
    scene: Scene,
    store: Store,
    /// The device that tries, its sibling, and another identity's.
    own: Device,
    sibling: Device,
    other: Device,
    /// Numbers of messages that wait for the sibling and for the other.
    foreign: Vec<u64>,
    /// Where the own message in hand is acknowledged.
    receipt: String,
}

impl Walls {
    /// Messages of others before and after the own one, which is in hand; and one of each other's is in hand, too.
    async fn new() -> Walls {
        let scene = Scene::new().await;
        let [mut own, mut sibling, mut other] = scene.devices().await;
        let (mine, theirs, elsewhere) = (own.id, sibling.id, other.id);
        let mut foreign = Vec::new();
        for at in 0..4 {
            if at == 2 {
                assert_eq!(other.send(&mine, &[], "to own").await["error"], json!(null));
            }
            let to_sibling = other.send(&theirs, &[], &format!("to others {at}")).await;
            let to_other = sibling.send(&elsewhere, &[], &format!("to others {at}")).await;
            foreign.extend([to_sibling, to_other].map(|ack| ack["seq"].as_u64().expect("a number")));
        }
        let receipt = own.pull(1).await.remove(0).ack;
        assert_eq!((sibling.pull(1).await.len(), other.pull(1).await.len()), (1, 1));
        let store = Store::mail(&scene.nats).await;
        Walls { scene, store, own, sibling, other, foreign, receipt }
    }

    /// What may be tried where `granted` allows it. A grant that nobody has thought of here fails.
    fn wall(&self, granted: &str) -> Wall {
        let (pk, dk) = (self.own.chain.hex(), self.own.id.hex());
        if granted == format!("kez.chat.{pk}.*") {
            return self.sending(&format!("kez.chat.{pk}"));
        }
        if granted == format!("$JS.ACK.KEZ_CHAT.{dk}.>") {
            return self.acknowledging();
        }
        if granted == format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_CHAT.{dk}") {
            return Wall { subjects: Vec::new(), bodies: &[] };
        }
        panic!("{granted} is granted, and nobody has tried what it allows");
    }

    fn sending(&self, prefix: &str) -> Wall {
        let (own, other, long) = (self.own.id.hex(), self.other.id.hex(), "x".repeat(3_800));
        let absurd = [
            "*",
            ">",
            "$x~",
            "\u{e4}",
            &long,
            &other.to_uppercase(),
            &format!("{other}0"),
            &other[..63],
            &self.own.chain.hex(),
            "{{wildcard(1)}}",
        ];
        let mut subjects: Vec<String> = absurd.iter().map(|name| format!("{prefix}.{name}")).collect();
        subjects.extend([format!("{prefix}.{own}"), prefix.to_owned(), format!("{prefix}.")]);
        subjects.push(format!("{prefix}.{other}.{own}"));
        Wall { subjects, bodies: &["", "x"] }
    }

    /// Each part of where a message is acknowledged, and all of them.
    fn acknowledging(&self) -> Wall {
        let parts: Vec<&str> = self.receipt.split('.').collect();
        let (head, tail) = parts.split_at(4);
        let head = head.join(".");
        let with = |at: usize, value: &str| {
            let mut tail = tail.to_vec();
            tail[at] = value;
            format!("{head}.{}", tail.join("."))
        };
        let foreign: Vec<String> = self.foreign.iter().map(u64::to_string).collect();
        let mut subjects = Vec::new();
        for at in 0..tail.len() {
            let absurd =
                ["0", "99999999", "18446744073709551615", "18446744073709551616", "-1", "x", "*", ">", "", "1e3"];
            subjects.extend(absurd.iter().map(|value| with(at, value)));
            subjects.extend(foreign.iter().map(|value| with(at, value)));
            subjects.push(format!("{head}.{}", tail[..at].join(".")));
        }
        for seq in &foreign {
            subjects.push(format!("{head}.{seq}"));
            subjects.push(format!("{head}.1.{seq}.{seq}.1790000000000000000.0.x"));
            for of in [&self.sibling, &self.other] {
                subjects.push(format!("{head}.KEZ_CHAT.{}.1.{seq}.1.1790000000000000000.0", of.id.hex()));
            }
        }
        Wall { subjects, bodies: &["+ACK", "+TERM", "-NAK", "-NAK {\"delay\":60000000000}", "+WPI", "+NXT", "", "x"] }
    }

    /// What others have: what waits for them, and how far their consumers have come.
    async fn others(&self) -> (Vec<Stored>, Value, Value) {
        let own = self.own.id.hex();
        let mut stored = self.store.messages().await;
        stored.retain(|(_, _, text)| text.starts_with("to others"));
        let mut progress = self.store.progress().await;
        progress.as_object_mut().expect("an object").remove(&own);
        (stored, progress, self.store.setup().await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_puts_in_the_place_of_a_wildcard_changes_nothing_for_others() {
    let mut walls = Walls::new().await;
    let before = walls.others().await;
    assert_eq!(before.0.len(), walls.foreign.len());
    for granted in walls.own.subjects.may_publish() {
        let wall = walls.wall(&granted);
        assert_eq!(wall.subjects.is_empty(), !granted.contains(['*', '>']), "{granted}");
        for subject in wall.subjects {
            for body in wall.bodies {
                let reply = walls.own.reply();
                for reply in ["", &reply] {
                    walls.own.raw.publish(&subject, reply, body).await;
                }
            }
        }
        // Refused, ignored or stored under one's own name; the connection goes on or not, as the broker likes.
        if walls.own.raw.settle().await.contains(&Sent::End) {
            let chain = walls.own.chain;
            walls.own = Device::login(&walls.scene.nats, &walls.scene.owner.identity, &chain).await;
        }
        assert_eq!(walls.others().await, before, "{granted}");
    }
    // All of it is there for whom it is.
    for device in [&mut walls.sibling, &mut walls.other] {
        let mut texts = device.pull(64).await.into_iter().map(|message| message.payload).collect::<Vec<_>>();
        texts.retain(|text| !text.is_empty() && text != "x");
        assert_eq!(texts, ["to others 1", "to others 2", "to others 3"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_subscribes_to_in_the_place_of_a_wildcard_is_its_own() {
    let mut walls = Walls::new().await;
    let (dk, pk, theirs) = (walls.own.id.hex(), walls.own.chain.hex(), walls.sibling.id.hex());
    for (at, granted) in (10_u32..).zip(walls.own.subjects.may_subscribe()) {
        assert_eq!(granted, format!("kez.mail.{dk}.>"), "{granted} is granted, and nobody has tried what it allows");
        let prefix = granted.trim_end_matches('>');
        for (sid, value) in (1..).zip([">", "*", "*.*", "*.>", &theirs, &pk, "x.*.y", "$x~", ""]) {
            walls.own.raw.subscribe(&format!("{prefix}{value}"), at * 100 + sid).await;
        }
        let heard = walls.own.raw.settle().await;
        assert!(heard.iter().all(|sent| matches!(sent, Sent::Error(_))), "{heard:?}");
    }
    // Everything that there is to hear happens to others, and in the account of the streams.
    let to = walls.other.id;
    assert_eq!(walls.sibling.send(&to, &[], "to another").await["error"], json!(null));
    assert!(!walls.sibling.pull(8).await.is_empty());
    for subject in [format!("kez.mail.{dk}.{pk}"), format!("kez.mail.{dk}.r1"), format!("kez.mail.{theirs}.r1")] {
        walls.store.client.publish(subject, "in the account of the streams".into()).await.expect("it is sent");
    }
    walls.store.client.flush().await.expect("it is taken");
    assert_eq!(walls.own.raw.settle().await, []);
}

/// A confirmation, a pulled message and an answer to an acknowledgement go to the reply that was named: in the account of the
/// streams it is another subject, so nothing is stored or changed there by it.
#[tokio::test(flavor = "multi_thread")]
async fn no_reply_that_a_device_names_writes_into_a_mailbox_or_moves_a_stream() {
    let mut walls = Walls::new().await;
    let before = walls.others().await;
    let (own, theirs) = (walls.own.chain.hex(), walls.sibling.id.hex());
    let count = walls.store.messages().await.len();
    for target in [
        format!("kez.mail.{theirs}.{own}"),
        format!("kez.chat.{}.{theirs}", walls.other.chain.hex()),
        walls.sibling.subjects.next(),
        format!("$JS.ACK.KEZ_CHAT.{theirs}.1.{}.1.1790000000000000000.0", walls.foreign[0]),
        "$JS.API.STREAM.PURGE.KEZ_CHAT".to_owned(),
        "$JS.API.STREAM.DELETE.KEZ_CHAT".to_owned(),
        format!("$JS.API.CONSUMER.DELETE.KEZ_CHAT.{theirs}"),
        "kez.mail.>".to_owned(),
        "*".to_owned(),
    ] {
        let pull = json!({ "batch": 1, "no_wait": true }).to_string();
        let (next, receipt) = (walls.own.subjects.next(), walls.receipt.clone());
        walls.own.raw.publish(&next, &target, &pull).await;
        for body in ["+WPI", "+NXT", "nonsense"] {
            walls.own.raw.publish(&receipt, &target, body).await;
        }
        let nobody = walls.own.subjects.send(&walls.own.id);
        walls.own.raw.publish_with(&nobody, &target, &[("Nats-Expected-Last-Sequence", "9999")], "refused").await;
        walls.own.raw.settle().await;
        assert_eq!(walls.others().await, before, "{target}");
    }
    // At most the own one is gone, which `+NXT` acknowledges.
    assert!(walls.store.messages().await.len() >= count - 1);
}

/// What a sender's headers could switch on is off: nobody forges a sender, removes others' messages or sets a time to live.
#[tokio::test(flavor = "multi_thread")]
async fn a_senders_headers_switch_nothing_on() {
    let mut walls = Walls::new().await;
    let before = walls.others().await;
    let (to, victim) = (walls.own.id, format!("kez.mail.{}.{}", walls.sibling.id.hex(), walls.other.chain.hex()));
    for headers in [
        &[("Nats-Rollup", "sub")][..],
        &[("Nats-Rollup", "all")],
        &[("Nats-TTL", "1s")],
        &[("Nats-Incr", "1")],
        &[("Nats-Schedule", "@at 2020-01-01T00:00:00Z"), ("Nats-Schedule-Target", &victim)],
        &[("Nats-Batch-Id", "one"), ("Nats-Batch-Sequence", "1"), ("Nats-Batch-Commit", "1")],
        &[("Nats-Marker-Reason", "Purge")],
        &[("Nats-Subject", &victim)],
        &[("Nats-Expected-Last-Subject-Sequence", "0"), ("Nats-Expected-Last-Subject-Sequence-Subject", &victim)],
    ] {
        let (subject, reply) = (walls.own.subjects.send(&to), walls.own.reply());
        walls.own.raw.publish_with(&subject, &reply, headers, "with headers").await;
        let answered = tokio::time::timeout(std::time::Duration::from_secs(2), walls.own.raw.next()).await;
        assert!(!matches!(answered, Ok(Sent::End)), "{headers:?}");
        assert_eq!(walls.others().await, before, "{headers:?}");
    }
    let own = format!("kez.mail.{}.{}", to.hex(), walls.own.chain.hex());
    let stored = walls.store.messages().await;
    assert!(stored.iter().filter(|(_, _, text)| text == "with headers").all(|(_, subject, _)| *subject == own));
}
