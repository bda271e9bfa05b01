//! What all viewers of a stream share, as the payload of a message: frames, ranges and snapshots, in each encoding.
//!
//! A room asks once for what it then sends to everybody. Invariant: whoever reads it with [`super::Names`] has the message
//! that [`Response`] makes of the same, but for what it would not show.

use super::{Encoding, Response, compact, deflate};
use crate::{Delta, Snapshot};

impl Delta {
    /// The payload of the message that brings it.
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json | Encoding::MessagePack => Response::from(self).encode(encoding),
            Encoding::Compact => compact::delta(self),
            Encoding::CompactDeflate => deflate::shared(&compact::delta(self)),
        }
    }
}

impl Snapshot {
    /// The payload of the message that brings it.
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json | Encoding::MessagePack => Response::from(self).encode(encoding),
            Encoding::Compact => compact::snapshot(self),
            Encoding::CompactDeflate => deflate::shared(&compact::snapshot(self)),
        }
    }
}
