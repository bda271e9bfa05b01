//! Who owns what: the ring that proposes, the map that decides, who is the root, which comments are
//! spread, and where a viewer belongs.
//!
//! Pure: every process of the cluster computes the same answer from the same names, on every machine and version.
//! Invariant: the persisted [`Map`] is the truth about slots; a [`Ring`] only proposes.

mod growth;
mod map;
mod ring;
mod root;
mod spreads;
mod viewers;

pub use growth::Growth;
pub use map::{Map, MapError, Move, Ownership, RootOwnership};
pub use ring::Ring;
pub use root::{Duty, Following, duty};
pub use spreads::{Pattern, SPREADS_MAX, SpreadRule, Spreads, Subject};
pub use viewers::{Fill, Places};
