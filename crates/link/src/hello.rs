//! The handshake: who speaks, whether it may, and why not.
//!
//! The first frame of each side of a connection; `machine` checks it before anything else is read. The dialer greets
//! first and names whom it means to reach, so that an accepter that is somebody else refuses before it is up.
//! Invariant: a `Hello` that comes out of a handshake was sent by a node that knows the cluster's secret.
//!
//! The secret travels as it is: it keeps a node of another cluster, or a test, from joining by mistake, not an attacker who
//! listens. Links between machines that do not trust their network need an encrypted one below.

use std::{fmt, hint::black_box};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use watershed_protocol::{Epoch, Invalid, NodeName, Role};

use crate::frame::{CONTROL_BYTES_MAX, FORMAT_VERSION};

/// Longest advertised URL.
pub const URL_BYTES_MAX: usize = 512;
/// Smallest window that may be announced: below it, each message would wait for the heartbeat before.
pub const WINDOW_BYTES_MIN: u64 = 1_024;

const SECRET_BYTES_MAX: usize = 256;

/// Whom a dialer means to reach.
pub type Expect = (Role, NodeName);

/// What all nodes of a cluster know and no other does. Never shown.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Bytes")]
pub struct Secret(Bytes);

impl Secret {
    /// 1 to 256 bytes.
    pub fn new(secret: impl Into<Bytes>) -> Result<Self, Invalid> {
        let secret = secret.into();
        if secret.is_empty() || secret.len() > SECRET_BYTES_MAX {
            let (bytes, max) = (secret.len(), SECRET_BYTES_MAX);
            return Err(Invalid::Length { what: "cluster secret", bytes, min: 1, max });
        }
        Ok(Self(secret))
    }

    /// Compares in a time that does not depend on where the first difference is.
    fn matches(&self, other: &Self) -> bool {
        let difference = self.0.iter().zip(&other.0).fold(0, |all, (a, b)| black_box(all | (a ^ b)));
        self.0.len() == other.0.len() && difference == 0
    }
}

impl TryFrom<Bytes> for Secret {
    type Error = Invalid;
    fn try_from(secret: Bytes) -> Result<Self, Invalid> {
        Self::new(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret")
    }
}

/// How a node introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// What it does.
    pub role: Role,
    /// Its name, unique in the cluster.
    pub node: NodeName,
    /// Differs at each start of its process.
    pub incarnation: u64,
    /// Where its clients reach it, at most [`URL_BYTES_MAX`] bytes; empty if it has none.
    pub url: String,
    /// Epoch of the newest map that it knows.
    pub map_epoch: Epoch,
    /// Epoch of the newest root that it knows.
    pub root_epoch: Epoch,
}

/// The whole first frame: the hello, and what only the link needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Greeting {
    pub(crate) secret: Secret,
    pub(crate) to: Option<Expect>,
    pub(crate) window_bytes: u64,
    pub(crate) hello: Hello,
}

/// Why a node will not talk to another. Told to the other side, so that both logs say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The two speak different formats.
    #[error("format version is {found}, only {expected} is spoken here")]
    Version {
        /// What the refusing side speaks.
        expected: u8,
        /// What the refused side spoke.
        found: u8,
    },
    /// The secrets differ: probably nodes of two clusters.
    #[error("cluster secret differs")]
    Secret,
    /// Another node answers at the address.
    #[error("{} {} was expected, {} {} is here", .expected.0, .expected.1, .found.0, .found.1)]
    Identity {
        /// Whom the dialer meant to reach.
        expected: Expect,
        /// Who the accepter is.
        found: Expect,
    },
    /// The greeting could not be read, or a value in it is out of range.
    #[error("greeting is malformed")]
    Malformed,
}

impl Greeting {
    /// Reads what followed the version byte.
    pub fn decode(contents: &[u8]) -> Option<Self> {
        if contents.len() > CONTROL_BYTES_MAX {
            return None;
        }
        let mut rest = contents;
        let greeting: Self = rmp_serde::from_read(&mut rest).ok()?;
        let fits = greeting.hello.url.len() <= URL_BYTES_MAX && greeting.window_bytes >= WINDOW_BYTES_MIN;
        (rest.is_empty() && fits).then_some(greeting)
    }

    /// Reads and checks what the peer said against what this side says of itself.
    pub(crate) fn admit(&self, version: u8, contents: &[u8]) -> Result<Self, Refusal> {
        if version != FORMAT_VERSION {
            return Err(Refusal::Version { expected: FORMAT_VERSION, found: version });
        }
        let theirs = Self::decode(contents).ok_or(Refusal::Malformed)?;
        if !self.secret.matches(&theirs.secret) {
            return Err(Refusal::Secret);
        }
        self.is_meant(&theirs)?;
        theirs.is_meant(self)?;
        Ok(theirs)
    }

    /// Whether `other` is whom this side means to reach.
    fn is_meant(&self, other: &Self) -> Result<(), Refusal> {
        let found = (other.hello.role, other.hello.node.clone());
        match &self.to {
            Some(expected) if *expected != found => Err(Refusal::Identity { expected: expected.clone(), found }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("open sesame").unwrap();
        assert_eq!(format!("{secret:?}"), "secret");
    }

    #[test]
    fn secrets_match_only_when_whole_and_equal() {
        let secret = |text: &'static str| Secret::new(text).unwrap();
        assert!(secret("abc").matches(&secret("abc")));
        assert!(!secret("abc").matches(&secret("abd")));
        assert!(!secret("abc").matches(&secret("ab")));
        assert!(!secret("ab").matches(&secret("abc")));
        assert!(Secret::new("").is_err());
        assert!(Secret::new(vec![0; 257]).is_err());
    }

    #[test]
    fn a_refusal_names_what_was_expected_and_what_is_there() {
        let expect = |name: &str| (Role::Processor, NodeName::new(name).unwrap());
        let refusal = Refusal::Identity { expected: expect("p2"), found: expect("p3") };
        assert_eq!(refusal.to_string(), "processor p2 was expected, processor p3 is here");
    }
}
