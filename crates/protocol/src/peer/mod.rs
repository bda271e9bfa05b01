//! What nodes tell each other, over links: one module a hop.
//!
//! Contents are rmp-serde arrays: fields are only ever appended, with `#[serde(default)]`, never reordered or skipped.
//! A batch's rows are columns of bytes, not one array a like. The version of all of it is in the link's hello.

pub mod feed;
pub mod report;
pub mod uplink;

use std::fmt;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Invalid, error::shortened, extent::extent, limits};

/// Version of the messages between nodes. Nodes of different versions refuse each other in the hello.
pub const VERSION: u8 = 1;

/// One connection to another node, as the machines name it: given by the driver, never used again in a process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(u64);

impl PeerId {
    /// Takes the driver's number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The driver's number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer {}", self.0)
    }
}

/// Encodes a message for a link.
pub fn encode<T: Serialize>(message: &T) -> Bytes {
    // Writing to a Vec fails only for types that refuse to be serialised; messages do not.
    let encoded = rmp_serde::to_vec(message);
    encoded.unwrap_or_else(|error| unreachable!("a message of our own always encodes: {error}")).into()
}

/// Decodes a message from a link. Total: any bytes give a message or an error, and lengths are bounded by the frame's.
/// The message is all that is in the bytes: what would be left over was meant to be something.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Invalid> {
    let (what, max) = ("peer message", limits::PEER_FRAME_BYTES_MAX);
    if bytes.len() > max {
        return Err(Invalid::Length { what, bytes: bytes.len(), min: 1, max });
    }
    let decoded = rmp_serde::from_slice(bytes);
    let message = decoded.map_err(|error| Invalid::Form { what, why: shortened(error.to_string()) })?;
    match bytes.len() - extent(bytes, 1).unwrap_or(bytes.len()) {
        0 => Ok(message),
        left => Err(Invalid::Form { what, why: format!("{left} of its {} bytes are left over", bytes.len()) }),
    }
}

#[cfg(test)]
mod tests;
