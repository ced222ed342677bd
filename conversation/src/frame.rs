//! The part of a frame that everybody can read.

use crate::context::Cid;

/// The longest frame, in bytes.
pub const MAX_FRAME_BYTES: usize = 65_000;

/// What a frame is, by its first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A private message of a conversation's epoch.
    Private(Header),
    /// A Welcome.
    Welcome,
    /// An envelope.
    Envelope,
    /// Nothing that is carried here.
    Unknown,
}

/// The open members of a private message (RFC 9420 section 6.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) cid: Cid,
    pub(crate) epoch: u64,
    /// 1 for what is said, 3 for a commit.
    pub(crate) content_type: u8,
    pub(crate) authenticated_data: Vec<u8>,
}

/// Looks at a frame.
pub(crate) fn kind(frame: &[u8]) -> Kind {
    if frame.len() > MAX_FRAME_BYTES {
        return Kind::Unknown;
    }
    match frame {
        [b'{', ..] => Kind::Envelope,
        [0, 1, 0, 3, ..] => Kind::Welcome,
        _ => header(frame).map_or(Kind::Unknown, Kind::Private),
    }
}

/// Reads a private message's header.
pub(crate) fn header(message: &[u8]) -> Option<Header> {
    let rest = message.strip_prefix(&[0, 1, 0, 2, 16])?;
    let (cid, rest) = rest.split_first_chunk::<16>()?;
    let (epoch, rest) = rest.split_first_chunk::<8>()?;
    let (content_type, rest) = rest.split_first()?;
    // Data of up to 63 bytes has a length of one byte; there is none longer than a nonce.
    let (length, rest) = rest.split_first()?;
    let authenticated_data = rest.get(..usize::from(*length)).filter(|data| data.len() < 64)?.to_vec();
    Some(Header { cid: Cid(*cid), epoch: u64::from_be_bytes(*epoch), content_type: *content_type, authenticated_data })
}
