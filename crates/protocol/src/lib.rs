//! What travels in Watershed: identities, time, text, counts, and the messages of each hop.
//!
//! The ground floor: every other crate speaks these types, and none of them knows a socket, a clock or a disk.
//! Bytes become typed values here, once, at the edge; what is typed needs no second check.
//!
//! | hop | module |
//! |---|---|
//! | browser ↔ broadcast node | [`client`] |
//! | broadcast node ↔ write processor | [`peer::uplink`] |
//! | write processor ↔ root merger | [`peer::report`] |
//! | root merger ↔ broadcast node | [`peer::feed`] |

pub mod client;
mod comment;
mod delta;
mod error;
mod extent;
mod ids;
mod key;
mod like;
pub mod limits;
mod mutant;
mod ordinal;
pub mod peer;
mod rare;
mod spread;
mod tally;
mod text;
mod time;
mod view;

pub use comment::{Comment, OrderKey};
pub use delta::{Delta, Pinned, Reactions, Shown, Snapshot};
pub use error::Invalid;
pub use ids::{CommentId, Epoch, NodeName, Position, Ref, Role, Seq, Slot, StreamId, ViewerId, ViewerKey};
pub use key::ClusterKey;
pub use like::{Register, Stamp};
#[cfg(debug_assertions)]
pub use mutant::Planted;
pub use mutant::{Mutant, UnknownMutant};
pub use ordinal::Ordinal;
pub use rare::{Empty, Rare};
pub use spread::{Part, Spread};
pub use tally::Tally;
pub use text::{BodyError, CommentBody, DisplayName, ReactionKind};
pub use time::{HybridClock, HybridTime, Millis};
pub use view::{Gap, View};
