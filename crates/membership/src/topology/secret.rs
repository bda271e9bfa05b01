//! The cluster's secret: whether there must be one, and what nodes show each other with it and without.
//!
//! Between the file's text and the links and the operators' token. Invariants: a cluster that others than this machine can
//! reach has a secret; and what a cluster without one shows is no secret of any other.

use std::net::IpAddr;

use super::{
    Broadcast, Merger, Processor, Topology, TopologyError,
    file::{length, value},
};
use crate::OperatorToken;

/// Long enough not to be guessed by chance, short enough for a hello.
const SECRET_BYTES: [usize; 2] = [8, 256];
/// What a cluster without a secret shows begins with it: a byte that no text has, and every secret is text.
const OPEN: &[u8] = b"\xffwithout a secret, ";

/// Checks the secret, which may be missing where nobody but this machine can reach a node. Its value is never shown.
pub(super) fn check(
    secret: Option<String>,
    broadcast: &Broadcast,
    processor: &Processor,
    merger: &Merger,
) -> Result<Option<String>, TopologyError> {
    let key = "[cluster] secret";
    if let Some(secret) = secret {
        let [min, max] = SECRET_BYTES;
        return length(key, secret, min, max).map(Some);
    }
    let hosts = [
        ("[broadcast]", broadcast.host, &broadcast.advertise),
        ("[processor]", processor.host, &processor.advertise),
        ("[merger]", merger.host, &merger.advertise),
    ];
    let reached = hosts.into_iter().find_map(|(section, host, advertise)| {
        let host = (!host.is_loopback()).then(|| format!("{section} host {host}"));
        let named = advertise.as_deref().filter(|name| !is_this_machine(name));
        host.or_else(|| named.map(|name| format!("{section} advertise {name}")))
    });
    let Some(reached) = reached else { return Ok(None) };
    let [min, max] = SECRET_BYTES;
    let limit =
        format!("but other machines reach {reached}: add secret = \"…\" of {min} to {max} bytes below [cluster]");
    Err(value(key, "missing", limit))
}

/// Whether a name leads to this machine wherever it is asked for.
fn is_this_machine(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl Topology {
    /// What the nodes show each other in their hellos: the secret; or, without one, the cluster's name, so that two clusters
    /// of one machine do not meet by mistake.
    pub fn link_secret(&self) -> Vec<u8> {
        match &self.secret {
            Some(secret) => secret.clone().into_bytes(),
            None => [OPEN, self.name.as_bytes()].concat(),
        }
    }

    /// What operators show; none is needed without a secret.
    pub fn operator_token(&self) -> Option<OperatorToken> {
        self.secret.as_deref().map(OperatorToken::of)
    }
}
