//! The write processor's machine: it owns comments, makes writes durable in groups, counts likes, reports windows.
//!
//! A like goes `writes` → `registers` → `group` → the log; when its group is durable, `state` makes it visible, `window`
//! gathers it and `report` tells the root. Invariant: nothing is told to anybody before it is durable.

mod backlog;
mod bytes;
mod checkpoint;
mod chunks;
mod cold;
mod comments;
mod config;
mod counters;
mod group;
mod machine;
mod numbers;
mod place;
mod query;
mod registers;
mod replay;
mod report;
mod residence;
mod restore;
mod rows;
mod saved;
mod slab;
mod slots;
mod state;
mod stream_counts;
mod streams;
mod top;
mod viewers;
mod window;
mod writes;

pub use config::Config;
pub use counters::Counters;
pub use machine::{Input, Output, Processor};
pub use replay::ReplayError;
pub use restore::{ReadRow, RestoreError};
pub use saved::{Checkpoint, Keyspace, SavedRow};
pub use stream_counts::StreamCounts;
