//! Values that are one text wherever they stand: as they are shown, so they are written to JSON and for debugging, and
//! read from JSON as from anywhere.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::handle::Handle;
use crate::hash::Hash;
use crate::key::KeyId;
use crate::server_name::ServerName;
use crate::sigchain::{EncKey, Pop};
use crate::time::Timestamp;

/// What each type's `Display` and `FromStr` serve for besides.
macro_rules! spelled {
    (@Debug $name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
    (@Serialize $name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
    (@Deserialize $name:ident) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
    ($($name:ident: $($by:ident)*;)*) => {$($(spelled!(@$by $name);)*)*};
}

spelled! {
    Hash: Debug Serialize Deserialize;
    KeyId: Debug Serialize Deserialize;
    Timestamp: Debug Serialize Deserialize;
    Handle: Debug Serialize;
    ServerName: Debug Serialize;
    EncKey: Serialize;
    Pop: Serialize;
}
