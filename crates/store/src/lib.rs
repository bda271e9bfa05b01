//! The real disk: the log's segment files, the keyspaces of checkpoints, and the threads that write to them.
//!
//! It drives `watershed-log` as the simulator does, with a directory for a disk. Beside it stand [`Keyspaces`], which are
//! filled at checkpoints, so that the log can be cut and a start reads only what came after. Invariant: a group is called durable only after an fdatasync that followed all of its
//! bytes.
//!
//! ```text
//! processor ─submit─▶ CommitThread ─▶ LogWriter ─▶ FileDisk ─▶ 0000000000000001.log …
//!     ▲                     │
//!     └──── CommitEvent ────┘
//! ```

mod commit;
mod file;
mod keyspaces;
mod load;
mod open;
mod recent;
mod save;
mod spares;
mod stats;

pub use commit::{CommitEvent, CommitThread, GROUPS_QUEUED_MAX, SubmitError};
pub use file::{FileDisk, FileDiskError};
pub use keyspaces::{KeyspaceError, Keyspaces, Rows};
pub use load::{LoadEvent, LoadThread};
pub use open::{OpenError, open, verify};
pub use recent::Percentiles;
pub use save::{SaveEvent, SaveThread};
pub use spares::{SegmentFigures, SegmentStats};
pub use stats::{BUCKETS_US, CommitFigures, CommitStats};
