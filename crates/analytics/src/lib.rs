//! What happened, by stream and second, in Parquet files that others query: the third of the kinds of data.
//!
//! Each node writes what it alone knows, beside its flow and never in it: a driver counts into the [`Recorder`], a thread
//! writes. Invariant: nothing that fails here, a full disk above all, is felt by a viewer.

mod config;
mod counts;
mod directory;
mod file;
mod gather;
mod recorder;
mod stats;

pub use config::Config;
pub use counts::{Counts, Row};
pub use file::{WriteError, write_file};
pub use gather::{Batch, Gatherer};
pub use recorder::Recorder;
pub use stats::Figures;
