//! Recovery keys: an Ed25519 key that is kept on paper, as 24 words.
//!
//! words = BIP-39 English mnemonic of 256 bits of entropy, made and read here; those bits are the key's seed (RFC 8032 section 5.1.5). No
//! passphrase and no derivation is in between, so the words are the key.

mod written;

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::hash::Hash;
use crate::key::SigningKey;
pub use written::{WORDS, is_word, sheet};

/// The English list of BIP-39, a word a line: 2,048 of them, which are 11 bits each. Browsers fetch it as the file that it
/// is, in the minute in which they need it.
const ENGLISH: &str = include_str!("../../public/bip39-english.txt");
/// The SHA-256 of that list, as wallets know it.
const ENGLISH_HASH: &str = "sha256:2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda";
const BITS_PER_WORD: usize = 11;
/// The seed's 32 bytes, and one of their hash.
const BYTES: usize = 33;

/// Why words are no recovery key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// There are another number of words.
    #[error("a recovery key has 24 words, and these are {0}")]
    Count(usize),
    /// This one, counted from 1, is not in the list.
    #[error("word {0} is not one of the list's; look for a slip in its spelling")]
    Unknown(usize),
    /// Each is in the list, but they do not belong together.
    #[error("the words do not belong together; one of them is another, or two changed places")]
    Checksum,
}

/// The list of words. There is only the one.
#[derive(Clone, Debug)]
pub struct Words(Cow<'static, str>);

impl Words {
    /// The list that is part of this program.
    #[must_use]
    pub const fn english() -> Words {
        Words(Cow::Borrowed(ENGLISH))
    }

    /// The list, if this text is the published one to the byte.
    #[must_use]
    pub fn read(text: String) -> Option<Words> {
        (Hash::of(text.as_bytes()).to_string() == ENGLISH_HASH).then_some(Words(Cow::Owned(text)))
    }

    /// The words of a recovery key, with spaces between them; wiped when dropped.
    #[must_use]
    pub fn of(&self, key: &SigningKey) -> Zeroizing<String> {
        let seed = key.seed();
        let mut bytes = Zeroizing::new([0; BYTES]);
        bytes[..32].copy_from_slice(&*seed);
        bytes[32] = checksum(&seed);
        // The longest word has eight letters; a text that grew would leave copies behind.
        let mut words = Zeroizing::new(String::with_capacity(WORDS * 9));
        for n in 0..WORDS {
            if n > 0 {
                words.push(' ');
            }
            let bits = n * BITS_PER_WORD..(n + 1) * BITS_PER_WORD;
            let index = bits.fold(0, |index, bit| index << 1 | usize::from(bytes[bit / 8] >> (7 - bit % 8) & 1));
            words.push_str(self.0.split('\n').nth(index).unwrap_or_default());
        }
        words
    }

    /// The key of these words, as people carry them: in any case, with numbers and punctuation between them, on a
    /// [`sheet`]. Nothing is guessed; the checksum decides.
    ///
    /// # Errors
    /// [`NotAKey`], the first thing that is wrong.
    pub fn key(&self, text: &str) -> Result<SigningKey, NotAKey> {
        let words = written::words_of(text);
        let count = words.split_ascii_whitespace().count();
        if count != WORDS {
            return Err(NotAKey::Count(count));
        }
        let mut bytes = Zeroizing::new([0; BYTES]);
        for (n, word) in words.split_ascii_whitespace().enumerate() {
            let index = self.0.split('\n').position(|known| known == word).ok_or(NotAKey::Unknown(n + 1))?;
            for bit in 0..BITS_PER_WORD {
                let at = n * BITS_PER_WORD + bit;
                bytes[at / 8] |= u8::from(index >> (BITS_PER_WORD - 1 - bit) & 1 == 1) << (7 - at % 8);
            }
        }
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&bytes[..32]);
        if checksum(&seed) != bytes[32] {
            return Err(NotAKey::Checksum);
        }
        Ok(SigningKey::from_seed(&seed))
    }
}

/// BIP-39 adds the first bits of the entropy's SHA-256, one for each four bytes.
fn checksum(seed: &[u8; 32]) -> u8 {
    Hash::of(seed).as_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published with BIP-39.
    const PUBLISHED: [(u8, &str, &str); 3] = [
        (0x00, "abandon", "art"),
        (0xff, "zoo", "vote"),
        (0x7f, "legal winner thank year wave sausage worth useful", "title"),
    ];

    fn published(byte: u8) -> String {
        let (_, unit, last) = PUBLISHED.into_iter().find(|(known, ..)| *known == byte).expect("a known case");
        let words: Vec<&str> = unit.split(' ').cycle().take(WORDS - 1).chain([last]).collect();
        words.join(" ")
    }

    #[test]
    fn published_vectors() {
        for (byte, ..) in PUBLISHED {
            let key = SigningKey::from_seed(&[byte; 32]);
            assert_eq!(*Words::english().of(&key), published(byte));
            assert_eq!(Words::english().key(&published(byte)).map(|key| key.id()), Ok(key.id()));
        }
    }

    #[test]
    fn written_as_people_write() {
        let words = published(0).to_uppercase().replace(' ', "\n  ");
        let key = SigningKey::from_seed(&[0; 32]).id();
        assert_eq!(Words::english().key(&format!("\t{words}\r\n")).map(|key| key.id()), Ok(key));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let parse = |text: &str| Words::english().key(text).map(|key| key.id());
        assert_eq!(parse(""), Err(NotAKey::Count(0)));
        assert_eq!(parse("abandon art"), Err(NotAKey::Count(2)));
        assert_eq!(parse(&published(0).replacen("abandon", "abandom", 1)), Err(NotAKey::Unknown(1)));
        assert_eq!(parse(&published(0).replace("art", "kez")), Err(NotAKey::Unknown(24)));
        assert_eq!(parse(&published(0).replace("art", "zoo")), Err(NotAKey::Checksum));
        let mut swapped: Vec<String> = published(0x7f).split(' ').map(str::to_owned).collect();
        swapped.swap(3, 4);
        assert_eq!(parse(&swapped.join(" ")), Err(NotAKey::Checksum));
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn the_list_is_the_published_one() {
        let list: Vec<&str> = ENGLISH.lines().collect();
        assert_eq!(list, bip39::Language::English.word_list());
    }

    #[test]
    fn only_the_published_list_is_read() {
        let read = Words::read(ENGLISH.to_owned()).expect("it is the published one");
        let key = SigningKey::from_seed(&[7; 32]);
        assert_eq!(*read.of(&key), *Words::english().of(&key));
        let cases =
            [String::new(), ENGLISH.replacen("zoo", "zap", 1), format!("{ENGLISH}\n"), ENGLISH.trim_end().to_owned()];
        for changed in cases {
            assert!(Words::read(changed).is_none());
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn as_another_implementation_has_it(seed: [u8; 32]) {
            let theirs = bip39::Mnemonic::from_entropy(&seed).expect("32 bytes are a length that BIP-39 knows");
            let key = SigningKey::from_seed(&seed);
            assert_eq!(*Words::english().of(&key), theirs.to_string());
            assert_eq!(Words::english().key(&theirs.to_string()).map(|key| key.id()), Ok(key.id()));
        }
    }
}
