//! Identities: names, comment ids, slots, and the counters that number ownerships and positions.
//!
//! They are parsed where bytes come in and compared, hashed and copied everywhere else.
//! Invariant: a value of one of these types is always within its limits, so nobody checks it again.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Invalid, limits};

/// Defines a shared, cheap to clone name over `[A-Za-z0-9._-]{1,64}`.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $noun:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks length and alphabet.
            pub fn new(text: &str) -> Result<Self, Invalid> {
                check_name($noun, text)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::new(&text)
            }
        }

        impl FromStr for $type {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($noun, " {}"), self.0)
            }
        }
    };
}

name!(
    /// The live video that a comment belongs to.
    StreamId,
    "stream"
);
name!(
    /// One person; may hold several connections.
    ViewerId,
    "viewer"
);
impl ViewerId {
    /// The same in memory of its own.
    pub fn copied(&self) -> Self {
        Self(self.as_str().into())
    }

    /// The text, for those that need it as long.
    pub(crate) fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

name!(
    /// One process of the cluster.
    NodeName,
    "node"
);

fn check_name(what: &'static str, text: &str) -> Result<(), Invalid> {
    if text.is_empty() || text.len() > limits::NAME_BYTES_MAX {
        return Err(Invalid::Length { what, bytes: text.len(), min: 1, max: limits::NAME_BYTES_MAX });
    }
    match text.char_indices().find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        Some((at, found)) => Err(Invalid::Alphabet { what, found, at }),
        None => Ok(()),
    }
}

/// What a client calls one of its writes: unique per (stream, viewer) for ever. 1 to 64 bytes of UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Ref(Arc<str>);

impl Ref {
    /// Checks the length.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > limits::REF_BYTES_MAX {
            return Err(Invalid::Length { what: "ref", bytes: text.len(), min: 1, max: limits::REF_BYTES_MAX });
        }
        Ok(Self(text.into()))
    }

    /// The ref as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Ref {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(&text)
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ref {:?}", &*self.0)
    }
}

/// Defines 128 bits of a keyed hash, shown as 32 hex digits and sent between nodes as 16 bytes.
macro_rules! hash128 {
    ($(#[$doc:meta])* $type:ident, $noun:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type([u8; 16]);

        impl $type {
            /// Takes the bytes as they are.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes, most significant first.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($noun, " {}"), self)
            }
        }

        impl FromStr for $type {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                let hex = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                let value = hex.then(|| u128::from_str_radix(text, 16).ok()).flatten();
                value.map(|v| Self(v.to_be_bytes())).ok_or_else(|| Invalid::Form {
                    what: $noun,
                    why: format!("{:?} is not 32 lower-case hex digits", text.chars().take(40).collect::<String>()),
                })
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                    text.parse().map_err(D::Error::custom)
                } else {
                    let bytes = serde_bytes::ByteArray::<16>::deserialize(deserializer)?;
                    Ok(Self(bytes.into_array()))
                }
            }
        }
    };
}

hash128!(
    /// The name of one comment, derived from (stream, viewer, ref): see [`crate::ClusterKey::comment`].
    CommentId,
    "comment"
);
hash128!(
    /// A viewer's identity as processors count it: see [`crate::ClusterKey::viewer`].
    ViewerKey,
    "viewer key"
);

impl CommentId {
    /// The partition that owns this comment: the top 12 bits of the id.
    pub const fn slot(&self) -> Slot {
        Slot((((self.0[0] as u16) << 8) | self.0[1] as u16) >> 4)
    }
}

/// One of 4,096 fixed partitions of the comment-id space: the unit of ownership and of moving.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Slot(u16);

impl Slot {
    /// How many slots there are, for ever.
    pub const COUNT: usize = 4_096;

    /// Checks the range.
    pub fn new(number: u16) -> Result<Self, Invalid> {
        if usize::from(number) < Self::COUNT {
            Ok(Self(number))
        } else {
            Err(Invalid::Range { what: "slot", found: number.into(), min: 0, max: Self::COUNT as u64 - 1 })
        }
    }

    /// The slot so many further on, around the end.
    pub const fn plus(self, step: u16) -> Self {
        Self(self.0.wrapping_add(step) % Self::COUNT as u16)
    }

    /// All slots, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT as u16).map(Self)
    }

    /// The slot's number, for indexing.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The slot's number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Slot {
    type Error = Invalid;
    fn try_from(number: u16) -> Result<Self, Invalid> {
        Self::new(number)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}", self.0)
    }
}

/// Defines a counter with a noun. What comes off a wire is at most [`limits::NUMBER_MAX`], so that counting on from it
/// never overflows; what a node counts itself never gets there.
macro_rules! counter {
    ($(#[$doc:meta])* $type:ident, $noun:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u64")]
        pub struct $type(u64);

        impl TryFrom<u64> for $type {
            type Error = Invalid;
            fn try_from(number: u64) -> Result<Self, Invalid> {
                if number > limits::NUMBER_MAX {
                    return Err(Invalid::Range { what: $noun, found: number, min: 0, max: limits::NUMBER_MAX });
                }
                Ok(Self(number))
            }
        }

        impl $type {
            /// Before the first.
            pub const ZERO: Self = Self(0);

            /// Takes the number as it is.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($noun, " {}"), self.0)
            }
        }
    };
}

counter!(
    /// Number of an ownership (of a slot, a stream, the map): durable, only ever raised; a lower one is fenced off.
    Epoch,
    "epoch"
);
counter!(
    /// Number of a frame within one epoch of one stream. A snapshot at seq n holds all frames up to n.
    Seq,
    "seq"
);
counter!(
    /// Number of an effective change within one slot's log: the first change has position 1.
    Position,
    "position"
);

/// What a process of the cluster does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Holds viewers' WebSockets; sends writes up, frames down.
    Broadcast,
    /// Owns comments; makes them durable, counts their likes.
    Processor,
    /// Owns streams; merges reports into one ordered sequence of frames.
    Merger,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broadcast => "broadcast",
            Self::Processor => "processor",
            Self::Merger => "merger",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_outside_the_alphabet_is_refused_by_its_character() {
        let refused = StreamId::new("live/1").unwrap_err();
        assert_eq!(refused.to_string(), "stream has '/' at byte 4, only A-Z a-z 0-9 . _ - are allowed");
        assert!(StreamId::new("").is_err());
        assert!(ViewerId::new(&"a".repeat(65)).is_err());
        assert!(NodeName::new(&"a".repeat(64)).is_ok());
    }

    #[test]
    fn the_slot_is_the_top_twelve_bits() {
        let id: CommentId = "abc0000000000000000000000000000f".parse().unwrap();
        assert_eq!(id.slot().get(), 0xabc);
        assert_eq!(id.to_string(), "abc0000000000000000000000000000f");
        assert!("ABC0000000000000000000000000000f".parse::<CommentId>().is_err());
        assert!("+bc0000000000000000000000000000f".parse::<CommentId>().is_err());
        assert!(Slot::new(4_096).is_err());
    }
}
