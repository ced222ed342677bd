//! Which identity a key stands for, by the identity's chain.

use kez_core::sigchain::Chain;
use kez_core::{Code, Handle, Hash, KeyId, Record};

use crate::chain::{self, Fetched};
use crate::commands::home::Home;
use crate::commands::lookup;
use crate::failure::{Failure, Local};

/// An identity as far as it could be looked up.
pub(in crate::commands) struct ProvenIdentity {
    /// Verified; nothing is in it when the identity has begun none.
    pub(in crate::commands) chain: Chain,
    /// What the server proves to be the identity's.
    pub(in crate::commands) handle: Option<Handle>,
}

/// An identity as its server tells of it: nothing of it is verified.
pub(in crate::commands) struct Whose {
    /// None when it has no handle.
    record: Option<Record>,
    /// The newest event of its chain; none when it has begun none.
    pub(in crate::commands) head: Option<Hash>,
}

impl Whose {
    /// Asks who the identity is whose chain key is `from`, and which `key` claims to stand for. An identity without a handle
    /// has a chain, or none, all the same.
    pub(in crate::commands) fn of(home: &Home, from: &KeyId, key: &KeyId) -> Result<Whose, Failure> {
        let record = |key| record_of(home, key).ok().flatten().filter(|record| record.chain == *from);
        // A key that stands for nobody says nothing against the identity.
        let record = record(key).or_else(|| if key == from { None } else { record(from) });
        let head = match &record {
            Some(record) => record.head,
            None => chain::head_at(home.sig_server.clone(), from)?,
        };
        Ok(Whose { record, head })
    }
}

impl ProvenIdentity {
    /// Looks the identity up whose chain key is `from`.
    pub(in crate::commands) fn of(home: &Home, from: &KeyId, whose: Whose) -> Result<ProvenIdentity, Failure> {
        if let Some(record) = whose.record {
            match proven(home, &record) {
                Ok((proven, chain)) if proven.chain == *from => {
                    return Ok(ProvenIdentity { chain, handle: proven.handle.parse().ok() });
                }
                // The server itself says that there is a chain; without it, nobody is believed.
                Err(failure) if record.head.is_some() => return Err(failure),
                _ => {}
            }
        }
        let chain = Fetched::at(home.sig_server.clone(), *from)?.chain;
        // The server knows an identity by the keys that stand for it now, not by one that was rotated away.
        let primary = chain.state().map(|state| state.primary).filter(|primary| primary != from);
        let record = primary.and_then(|primary| record_of(home, &primary).ok().flatten());
        if let Some(record) = record.filter(|record| record.chain == *from)
            && let Ok((proven, chain)) = proven(home, &record)
        {
            return Ok(ProvenIdentity { chain, handle: proven.handle.parse().ok() });
        }
        Ok(ProvenIdentity { chain, handle: None })
    }

    /// About how many bytes it took to learn that: the events, and as much again around them.
    pub(in crate::commands) fn size(&self) -> usize {
        usize::try_from(self.chain.bytes()).map_or(usize::MAX, |bytes| bytes.saturating_mul(2))
    }
}

/// The chain key of the identity that the user's own `key` stands for. Whether a key that the server does not know may
/// do anything is the broker's to say.
pub(in crate::commands) fn own_chain(home: &Home, key: &KeyId) -> Result<KeyId, Failure> {
    let Some(record) = record_of(home, key)?.filter(|record| record.chain != *key) else { return Ok(*key) };
    let (_, chain) = proven(home, &record)?;
    if chain.is_spoken_for_by(key) {
        return Ok(chain.id());
    }
    let detail =
        format!("The server says that {key} stands for {}, which that identity's chain does not say.", chain.id());
    Err(Failure::new(Local::NotVerified, detail))
}

/// The server's word on whose key it is.
fn record_of(home: &Home, key: &KeyId) -> Result<Option<Record>, Failure> {
    match lookup::by_key(&home.client, key) {
        Err(failure) if failure.is(Code::NotFound) => Ok(None),
        record => record.map(Some),
    }
}

fn proven(home: &Home, record: &Record) -> Result<(Record, Chain), Failure> {
    lookup::proven(&home.client, &lookup::handle_of(record)?, &home.name)
}
