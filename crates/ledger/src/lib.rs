//! What a crowd was promised and what it saw: the checkers of the invariants, shared by tests, simulator and loadgen.
//!
//! Beside the data flow, not in it: a caller tells a [`Ledger`] every sending, every message that a viewer received and
//! every lost connection; the ledger says which promise was broken, with the first example in words. One ledger watches
//! one stream. It is written against the client protocol alone and shares no view or merge code with the servers, so
//! that one bug cannot hide on both ends.
//!
//! Soundness before completeness: what may or may not have happened (no answer, a lost connection, a comment that
//! others wrote) widens what is allowed. A violation is therefore always a fault of the server, or of the checker.

mod agreement;
mod comments;
mod contents;
mod counts;
mod hop;
mod ledger;
mod likes;
mod message;
mod order;
mod own_likes;
mod ownership;
mod quiet;
mod report;
mod screen;
mod sends;
mod violation;

pub use hop::Hop;
pub use ledger::{Config, Ledger, Point, Seat};
pub use message::reaction;
pub use ownership::{Breach, Ownership, Process};
pub use quiet::{Durable, History, Quiet};
pub use report::{Report, Tally};
pub use sends::What;
pub use violation::{Finding, Violation};
