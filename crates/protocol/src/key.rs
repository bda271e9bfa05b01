//! The cluster's key: what makes comment ids and viewer keys the same on every node, for ever.
//!
//! It lives in the cluster's state and never changes. A retry through any node, at any time, yields the same id and
//! therefore the same owner, which stores it once without remembering retries.

use crate::{CommentId, Mutant, StreamId, ViewerId, ViewerKey};

/// 256 secret bits, one per cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterKey([u8; 32]);

impl ClusterKey {
    /// Takes the bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id of the comment that `viewer` wrote on `stream` under `reference`.
    ///
    /// 128 bits of keyed BLAKE3 over the length-prefixed parts: without lengths, ("ab", "c") and ("a", "bc") would be one.
    /// A client's reference is a [`crate::Ref`] of at most 64 bytes; longer ones are the nodes' own, and cannot collide.
    pub fn comment(&self, stream: &StreamId, viewer: &ViewerId, reference: &[u8]) -> CommentId {
        let parts = [b"comment", stream.as_str().as_bytes(), viewer.as_str().as_bytes(), reference];
        CommentId::from_bytes(self.hash(&parts))
    }

    /// The key under which processors count `viewer`.
    pub fn viewer(&self, viewer: &ViewerId) -> ViewerKey {
        ViewerKey::from_bytes(self.hash(&[b"viewer", viewer.as_str().as_bytes()]))
    }

    /// A number that places `stream` itself among the slots: its pins without a comment and its reactions live there.
    pub fn home(&self, stream: &StreamId) -> CommentId {
        CommentId::from_bytes(self.hash(&[b"home", stream.as_str().as_bytes()]))
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            if !Mutant::LengthsLeftOut.lives() {
                hasher.update(&(part.len() as u64).to_le_bytes());
            }
            hasher.update(part);
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        bytes
    }
}

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cluster key (secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ClusterKey = ClusterKey::from_bytes([7; 32]);

    fn comment(stream: &str, viewer: &str, reference: &str) -> CommentId {
        KEY.comment(&stream.parse().unwrap(), &viewer.parse().unwrap(), reference.as_bytes())
    }

    #[test]
    fn the_same_words_have_the_same_id_on_every_version() {
        // Golden: ids are durable. If this changes, stored comments lose their owners.
        assert_eq!(comment("demo", "ann", "k3f9-1").to_string(), GOLDEN);
    }
    const GOLDEN: &str = "41bd5c64e43ff2dd965e960ff70c1c3b";

    #[test]
    fn words_that_join_to_the_same_text_have_different_ids() {
        assert_ne!(comment("ab", "c", "d"), comment("a", "bc", "d"));
        assert_ne!(comment("ab", "c", "d"), comment("ab", "cd", "e"));
    }
}
