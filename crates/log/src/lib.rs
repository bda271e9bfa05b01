//! The write-ahead log of a write processor: record format, group commit, recovery, on any disk.
//!
//! It stands between the processor's machine, which gathers effects into commit groups, and a [`Disk`]: the real
//! one, or the simulator's. Invariant: what [`LogWriter::sync`] has called durable is what [`recover()`] replays,
//! whole and in order, or recovery refuses and says where; nothing durable is dropped in silence.
//!
//! ```text
//! effects ─▶ Gatherer ─group─▶ Section* ─▶ LogWriter ─record─▶ Disk ─▶ recover ─Record*─▶ the machine again
//! ```
//!
//! | module | noun |
//! |---|---|
//! | [`gather`] | the commit group that gathers while another is in flight |
//! | [`section`] | the rows of one slot in one group |
//! | [`record`] | one group as checksummed, chained bytes |
//! | [`slots`] | where each slot's rows end, and what may follow |
//! | [`disk`] | the seam: segments of bytes |
//! | [`writer`] | appends and syncs |
//! | [`mod@recover`] | reads it all back after a start |
//! | [`memory`] | a disk in memory that tears, flips, fills and fails on demand |

pub mod disk;
pub mod gather;
pub mod memory;
mod reader;
pub mod record;
pub mod recover;
pub mod section;
pub mod slots;
mod varint;
pub mod writer;

pub use disk::{Disk, DiskError, SPARES_MAX, SegmentId};
pub use gather::{Gatherer, Rest};
pub use memory::{MemoryDisk, Sector};
pub use record::{Chain, Record};
pub use recover::{Base, Cut, RecoverError, Recovered, recover, verify};
pub use section::Section;
pub use slots::{Changed, Gap, SlotEnd, SlotEnds};
pub use writer::{AppendError, LogConfig, LogWriter, Refused, SyncError};
