//! Every wildcard in a granted subject is the client's to fill in: with what is somebody else's, with what is absurd, and
//! with nothing. Whatever it is, nothing changes for anybody else.

use std::time::Duration;

use kez_core::subject::{INBOXES, Subjects};
use serde_json::json;

use crate::harness::{Server, key};
use crate::nats::member::Member;
use crate::nats::raw::Sent;
use crate::nats::state::{Store, Stored};
use crate::nats::{Nats, with_user};

/// What somebody puts in the place of the wildcards of one granted subject.
struct Wall {
    subjects: Vec<String>,
    bodies: &'static [&'static str],
}

struct Scene {
    nats: Nats,
    _server: Server,
    store: Store,
    own: Member,
    other: Member,
    /// Numbers of messages that wait for the other.
    foreign: Vec<u64>,
    /// Where the own message in hand is acknowledged.
    receipt: String,
}

impl Scene {
    /// Messages of the other before and after the own one, which is in hand; and one of the other's is in hand, too.
    async fn new() -> Scene {
        let (nats, server, user) = with_user().await;
        server.register("other", &key(2)).await;
        let (mut own, mut other) = (Member::login(&nats, &user).await, Member::login(&nats, &key(2)).await);
        let mut foreign = Vec::new();
        for at in 0..6 {
            if at == 3 {
                assert_eq!(other.send(&own.id, &[], "to own").await["error"], json!(null));
            }
            let ack = own.send(&other.id, &[], &format!("to other {at}")).await;
            foreign.push(ack["seq"].as_u64().expect("a number"));
        }
        let receipt = own.pull(1).await.remove(0).ack;
        assert_eq!(other.pull(1).await.len(), 1);
        Scene { store: Store::open(&nats).await, nats, _server: server, own, other, foreign, receipt }
    }

    /// What may be tried where `granted` allows it. A grant that nobody has thought of here fails.
    fn wall(&self, granted: &str) -> Wall {
        let pk = self.own.id.hex();
        if granted == format!("kez.send.{pk}.*") {
            return self.sending(&format!("kez.send.{pk}"));
        }
        if granted == format!("$JS.ACK.KEZ_INBOX.{pk}.>") {
            return self.acknowledging();
        }
        if granted == format!("$JS.API.CONSUMER.MSG.NEXT.KEZ_INBOX.{pk}") {
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
            let own = ["0", "99999999", "18446744073709551615", "18446744073709551616", "-1", "x", "*", ">", "", "1e3"];
            subjects.extend(own.iter().map(|value| with(at, value)));
            subjects.extend(foreign.iter().map(|value| with(at, value)));
            subjects.push(format!("{head}.{}", tail[..at].join(".")));
        }
        // The forms that brokers of a domain have, and more than there is.
        for seq in &foreign {
            subjects.push(format!("{head}.{seq}"));
            subjects.push(format!("{head}.1.{seq}"));
            subjects.push(format!("{head}.1.{seq}.{seq}.1790000000000000000.0.x"));
            subjects.push(format!("{head}.{seq}.{seq}.{seq}.{seq}.{seq}"));
            subjects.push(format!("{head}.KEZ_INBOX.{}.1.{seq}.1.1790000000000000000.0", self.other.id.hex()));
        }
        Wall { subjects, bodies: &["+ACK", "+TERM", "-NAK", "-NAK {\"delay\":60000000000}", "+WPI", "+NXT", "", "x"] }
    }

    /// What others have: what waits for them or is from them, and how far their consumers have come.
    async fn others(&self) -> (Vec<Stored>, serde_json::Value, serde_json::Value) {
        let own = self.own.id.hex();
        let mut stored = self.store.messages().await;
        stored.retain(|(_, subject, text)| {
            let is_own = INBOXES.recipient(subject) == Some(&own) || INBOXES.sender(subject) != Some(self.other.id);
            !is_own || text.starts_with("to other")
        });
        let mut progress = self.store.progress().await;
        progress.as_object_mut().expect("an object").remove(&own);
        (stored, progress, self.store.setup().await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_puts_in_the_place_of_a_wildcard_changes_nothing_for_others() {
    let mut scene = Scene::new().await;
    let before = scene.others().await;
    assert_eq!(before.0.len(), scene.foreign.len());
    for granted in Subjects::of(&scene.own.id).may_publish() {
        let wall = scene.wall(&granted);
        assert_eq!(wall.subjects.is_empty(), !granted.contains(['*', '>']), "{granted}");
        for subject in wall.subjects {
            for body in wall.bodies {
                let reply = scene.own.reply();
                for reply in ["", &reply] {
                    scene.own.raw.publish(&subject, reply, body).await;
                }
            }
        }
        // Refused, ignored or stored under one's own name; the connection goes on or not, as the broker likes.
        if scene.own.raw.settle().await.contains(&Sent::End) {
            scene.own = Member::login(&scene.nats, &key(1)).await;
        }
        assert_eq!(scene.others().await, before, "{granted}");
    }
    // All of it is there for whom it is.
    let read = async {
        let mut texts = Vec::new();
        while texts.len() < scene.foreign.len() - 1 {
            texts.extend(scene.other.pull(64).await.into_iter().map(|message| message.payload));
        }
        texts
    };
    let texts = tokio::time::timeout(Duration::from_secs(10), read).await.expect("it is delivered");
    assert!(texts.iter().all(|text| text.starts_with("to other")), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_subscribes_to_in_the_place_of_a_wildcard_is_their_own() {
    let mut scene = Scene::new().await;
    let (pk, other) = (scene.own.id.hex(), scene.other.id.hex());
    for (at, granted) in (10_u32..).zip(Subjects::of(&scene.own.id).may_subscribe()) {
        let known = [format!("kez.inbox.{pk}.>"), format!("_INBOX_{pk}.>")];
        assert!(known.contains(&granted), "{granted} is granted, and nobody has tried what it allows");
        let prefix = granted.trim_end_matches('>');
        for (sid, value) in (1..).zip([">", "*", "*.*", "*.>", &other, "x.*.y", "$x~"]) {
            scene.own.raw.subscribe(&format!("{prefix}{value}"), at * 100 + sid).await;
        }
        let heard = scene.own.raw.settle().await;
        assert!(heard.iter().all(|sent| matches!(sent, Sent::Error(_))), "{heard:?}");
    }
    // Everything that there is to hear happens to others, and to nobody's inbox.
    let to = key(2).id();
    assert_eq!(scene.other.send(&to, &[], "to oneself").await["error"], json!(null));
    scene.other.raw.publish(&scene.other.subjects.next(), &scene.other.reply(), r#"{"batch":8,"no_wait":true}"#).await;
    scene.other.raw.settle().await;
    for subject in [format!("kez.send.{other}.{pk}"), format!("kez.inbox.{pk}.{other}"), format!("_INBOX_{pk}.x")] {
        scene.store.client.publish(subject, "in the account of the streams".into()).await.expect("it is sent");
    }
    scene.store.client.flush().await.expect("it is taken");
    assert_eq!(scene.own.raw.settle().await, []);
}
