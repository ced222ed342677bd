use kez_core::SigningKey;
use mls_rs::client_builder::PaddingMode;
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};

use super::*;
use crate::facts::Facts;
use crate::frame;
use crate::package::{Refusal, judge};
use crate::store::Snapshot;

const NOW: i64 = 1_800_000_000;

/// A device of an identity, with everything that it keeps.
struct Peer {
    chain: KeyId,
    device: KeyId,
    store: Store,
    stream: Stream,
    me: Me,
    sound: BTreeSet<(KeyId, KeyId)>,
}

impl Peer {
    fn new(chain: u8, device: u8) -> Self {
        let chain = SigningKey::from_seed(&[chain; 32]).id();
        let key = SigningKey::from_seed(&[device; 32]);
        let stream = Stream::default();
        stream.reseed(&mut Counting(device)).expect("never fails");
        let (seed, chat_key) = chat_key(&stream).expect("a key");
        let signature = kez_core::chat_leaf::sign(&key, &chain, &chat_key);
        let voucher = Voucher { chain, device: key.id(), chat_key, signature };
        let me = Me { seed: Bytes(seed), voucher };
        Peer { chain, device: key.id(), store: Store::open(Snapshot::new()), stream, me, sound: BTreeSet::new() }
    }

    fn mls(&self) -> Mls<'_> {
        Mls { store: &self.store, stream: &self.stream, me: &self.me, sound: Arc::new(self.sound.clone()) }
    }

    fn package(&self) -> Vec<u8> {
        self.mls().package(Timestamp::from_unix(NOW), false).expect("a package").1
    }

    fn facts(&self) -> Facts {
        let devices = vec![self.chain, self.device];
        Facts { chain: self.chain, entries: 2, head: None, live: true, active: devices.clone(), ever: devices }
    }

    /// A client that keeps to none of the rules.
    fn lawless(&self, encrypted: bool) -> Client<impl MlsConfig + use<>> {
        let rules = DefaultMlsRules::new()
            .with_commit_options(CommitOptions::new().with_path_required(true))
            .with_encryption_options(EncryptionOptions::new(encrypted, PaddingMode::None));
        self.mls().client(0).to_builder(None).mls_rules(rules).build()
    }
}

struct Counting(u8);

impl rand_core::TryRng for Counting {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from(self.0))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from(self.0))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.fill(self.0);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counting {}

fn know_each_other(peers: &mut [&mut Peer]) {
    let all: BTreeSet<_> = peers.iter().map(|peer| (peer.chain, peer.device)).collect();
    peers.iter_mut().for_each(|peer| peer.sound.clone_from(&all));
}

const PLACE: Place = Place { cid: Cid([7; 16]), life: 0 };

/// Two devices of two identities in epoch 1.
fn pair() -> (Peer, Peer) {
    let (mut a, mut b) = (Peer::new(1, 11), Peer::new(2, 12));
    know_each_other(&mut [&mut a, &mut b]);
    let context = Context::between(a.chain, b.chain, "kez.lat".parse().expect("a name"), 1);
    a.mls().create(PLACE, &context).expect("a group");
    let draft = a.mls().commit(PLACE, &[b.package()], &[], None).expect("a commit");
    let merged = a.mls().merge(PLACE, &draft.secrets).expect("its own");
    assert_eq!(merged.gate, draft.next_gate);
    let (place, view, sender) = b.mls().join(0, &draft.welcome.expect("somebody came")).expect("a welcome");
    assert_eq!((place, view.gate, view.epoch, sender.device), (PLACE, merged.gate, 1, a.device));
    (a, b)
}

#[test]
fn what_one_says_the_other_reads_once() {
    let (a, b) = pair();
    let frame = a.mls().encrypt(PLACE, b"hello").expect("encrypted");
    let opened = b.mls().open(PLACE, &frame).expect("opened");
    assert_eq!((&**opened.plaintext, opened.sender.device, opened.sender.chain), (&b"hello"[..], a.device, a.chain));
    assert_eq!(b.mls().open(PLACE, &frame).err(), Some(NotOpened::KeyGone), "a repetition");
    let back = b.mls().encrypt(PLACE, b"and you").expect("encrypted");
    assert_eq!(&**a.mls().open(PLACE, &back).expect("opened").plaintext, b"and you");
}

#[test]
fn a_damaged_copy_does_not_cost_the_true_one() {
    let (a, b) = pair();
    let frame = a.mls().encrypt(PLACE, b"hello").expect("encrypted");
    for place in 0..frame.len() {
        let mut damaged = frame.clone();
        damaged[place] ^= 1;
        let mark = b.store.mark();
        assert!(b.mls().open(PLACE, &damaged).is_err(), "byte {place}");
        b.store.back_to(mark);
    }
    assert!(b.mls().open(PLACE, &frame).is_ok());
}

#[test]
fn what_leaves_is_private_and_padded() {
    let (a, b) = pair();
    let commit = a.mls().commit(PLACE, &[], &[], Some([9; 16])).expect("a commit").commit;
    let text = b.mls().encrypt(PLACE, &[b'x'; 300]).expect("encrypted");
    for (bytes, content_type, data) in [(&commit, 3, vec![9; 16]), (&text, 1, Vec::new())] {
        let header = frame::header(bytes).expect("a private message");
        assert_eq!((header.cid, header.epoch, header.content_type), (PLACE.cid, 1, content_type));
        assert_eq!(header.authenticated_data, data);
        // Header, data, sender data of 28 bytes, and the ciphertext's own length of two bytes.
        let ciphertext = bytes.len() - (4 + 17 + 8 + 1) - (1 + data.len()) - 29 - 2;
        assert_eq!(ciphertext % 256, 0, "{ciphertext}");
    }
}

#[test]
fn commits_are_followed_and_their_gates_agree() {
    let (mut a, mut b) = pair();
    let mut c = Peer::new(2, 13);
    know_each_other(&mut [&mut a, &mut b, &mut c]);
    let draft = b.mls().commit(PLACE, &[c.package()], &[], Some([5; 16])).expect("a commit");
    let (view, nonce) = a.mls().follow(PLACE, &draft.commit).expect("a good one");
    let view = view.expect("still there");
    assert_eq!((view.gate, view.epoch, view.seats.len(), nonce), (draft.next_gate, 2, 3, vec![5; 16]));
    b.mls().merge(PLACE, &draft.secrets).expect("its own");
    c.mls().join(0, &draft.welcome.expect("somebody came")).expect("a welcome");
    // A text of the epoch before comes late.
    let frame = c.mls().encrypt(PLACE, b"here I am").expect("encrypted");
    let out = a.mls().commit(PLACE, &[], &[2], None).expect("a commit");
    assert!(b.mls().follow(PLACE, &out.commit).expect("a good one").0.is_some());
    assert!(c.mls().follow(PLACE, &out.commit).expect("a good one").0.is_none(), "taken out");
    assert_eq!(b.mls().open(PLACE, &frame).err(), Some(NotOpened::Failed), "of a leaf that is gone");
    assert!(a.mls().open(PLACE, &frame).is_ok(), "who has not merged it reads on");
}

#[test]
fn leaves_of_others_are_refused() {
    let (mut a, mut b) = pair();
    let mut stranger = Peer::new(3, 14);
    know_each_other(&mut [&mut a, &mut b, &mut stranger]);
    assert_eq!(a.mls().commit(PLACE, &[stranger.package()], &[], None).err(), Some(Refused), "one does not do it");
    let add = MlsMessage::from_bytes(&stranger.package()).expect("a package");
    let mut group = a.lawless(true).load_group(&PLACE.cid.0).expect("a group");
    let output = group.commit_builder().add_member(add).expect("a package").build().expect("a commit");
    let commit = output.commit_message.to_bytes().expect("bytes");
    assert_eq!(b.mls().follow(PLACE, &commit).err(), Some(Refused), "nor lets it be done");
    assert!(stranger.mls().join(0, &output.welcome_messages[0].to_bytes().expect("bytes")).is_err());
}

#[test]
fn devices_that_are_not_sound_are_refused() {
    let (a, mut b) = pair();
    let mut unknown = Peer::new(2, 15);
    unknown.sound = b.sound.clone();
    b.sound.insert((unknown.chain, unknown.device));
    let draft = b.mls().commit(PLACE, &[unknown.package()], &[], None).expect("it knows");
    assert_eq!(a.mls().follow(PLACE, &draft.commit).err(), Some(Refused), "who does not know refuses");
    assert!(unknown.mls().join(0, &draft.welcome.expect("somebody came")).is_err(), "and joins nothing of the kind");
}

#[test]
fn a_device_has_one_leaf() {
    let (a, b) = pair();
    assert!(a.mls().commit(PLACE, &[b.package()], &[], None).is_err());
    assert!(a.mls().commit(PLACE, &[b.package()], &[1], None).is_ok(), "removed and added in one");
}

#[test]
fn commits_do_nothing_but_add_and_remove() {
    let (a, b) = pair();
    let mut more = Context::between(a.chain, b.chain, "kez.lat".parse().expect("a name"), 2).extensions();
    let refused = |encrypted: bool, data: Vec<u8>, context: Option<ExtensionList>| {
        let mut group = a.lawless(encrypted).load_group(&PLACE.cid.0).expect("a group");
        let builder = group.commit_builder().authenticated_data(data);
        let builder = match context {
            Some(context) => builder.set_group_context_ext(context).expect("a proposal"),
            None => builder,
        };
        let commit = builder.build().expect("a commit").commit_message.to_bytes().expect("bytes");
        let mark = b.store.mark();
        let refused = b.mls().follow(PLACE, &commit).is_err();
        b.store.back_to(mark);
        refused
    };
    assert!(!refused(true, Vec::new(), None), "an empty commit");
    assert!(!refused(true, vec![1; 16], None), "the answer to a rejoin");
    assert!(refused(true, vec![1; 15], None), "other open data");
    assert!(refused(false, Vec::new(), None), "a commit that everybody can read");
    assert!(refused(true, Vec::new(), Some(std::mem::take(&mut more))), "another context");
    let text = a.mls().encrypt(PLACE, b"text").expect("encrypted");
    assert!(b.mls().follow(PLACE, &text).is_err(), "a text is no commit");
    assert!(b.mls().follow(PLACE, b"").is_err());
}

#[test]
fn packages_are_judged() {
    let b = Peer::new(2, 12);
    let (now, facts) = (Timestamp::from_unix(NOW), b.facts());
    let package = b.package();
    let at = |days: i64| Timestamp::from_unix(NOW + days * 86_400);
    assert_eq!(judge(&package, &b.device, &facts, false, now), Ok(()));
    assert_eq!(judge(&package, &b.device, &facts, true, now), Err(Refusal::Marked));
    assert_eq!(judge(&package, &b.device, &facts, false, at(83)), Ok(()));
    assert_eq!(judge(&package, &b.device, &facts, false, at(84)), Err(Refusal::Lifetime));
    assert_eq!(judge(&package, &b.device, &facts, false, at(-1)), Err(Refusal::Lifetime));
    assert_eq!(judge(&package, &b.chain, &facts, false, now), Err(Refusal::Device));
    let gone = Facts { active: vec![b.chain], ..facts.clone() };
    assert_eq!(judge(&package, &b.device, &gone, false, now), Err(Refusal::NotGood));
    assert_eq!(judge(&package, &b.device, &Facts { live: false, ..facts.clone() }, false, now), Err(Refusal::NotGood));
    let other = Facts { chain: b.device, ..facts.clone() };
    assert_eq!(judge(&package, &b.device, &other, false, now), Err(Refusal::Device));
    let longer = [&package[..], &[0]].concat();
    assert_eq!(judge(&longer, &b.device, &facts, false, now), Err(Refusal::Form));
    assert_eq!(judge(&package[..63], &b.device, &facts, false, now), Err(Refusal::Form));
    assert_eq!(judge(&[0; 5_000], &b.device, &facts, false, now), Err(Refusal::Form));
    for place in 0..package.len() {
        let mut damaged = package.clone();
        damaged[place] ^= 1;
        assert!(judge(&damaged, &b.device, &facts, false, now).is_err(), "byte {place}");
    }
    let last = b.mls().package(now, true).expect("a package").1;
    assert_eq!(judge(&last, &b.device, &facts, true, now), Ok(()));
    assert_eq!(judge(&last, &b.device, &facts, false, now), Err(Refusal::Marked));
}

#[test]
fn a_package_joins_once_and_a_last_resort_again() {
    let (mut a, mut b) = (Peer::new(1, 11), Peer::new(2, 12));
    know_each_other(&mut [&mut a, &mut b]);
    let context = Context::between(a.chain, b.chain, "kez.lat".parse().expect("a name"), 1);
    for (last_resort, again) in [(false, false), (true, true)] {
        let (reference, package) = b.mls().package(Timestamp::from_unix(NOW), last_resort).expect("a package");
        for (n, joins) in [(0, true), (1, again)] {
            let place = Place { cid: Cid([10 * u8::from(last_resort) + n; 16]), life: 0 };
            a.mls().create(place, &context).expect("a group");
            let draft = a.mls().commit(place, std::slice::from_ref(&package), &[], None).expect("a commit");
            let welcome = draft.welcome.expect("somebody came");
            assert_eq!(Mls::references(&welcome), std::slice::from_ref(&reference));
            assert_eq!(b.mls().join(0, &welcome).is_ok(), joins);
        }
    }
}
