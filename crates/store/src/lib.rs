//! The real disk under the log: segment files, and the thread that commits to them.
//!
//! It drives `watershed-log` as the simulator does, with a directory for a disk. The log is the only durable copy
//! today: [`open`] replays all of it into memory, and keyspaces filled from it at checkpoints stand beside
//! [`FileDisk`], never under it. Invariant: a group is called durable only after an fdatasync that followed all of its
//! bytes.
//!
//! ```text
//! processor ─submit─▶ CommitThread ─▶ LogWriter ─▶ FileDisk ─▶ 0000000000000001.log …
//!     ▲                     │
//!     └──── CommitEvent ────┘
//! ```

mod commit;
mod file;
mod open;
mod spares;
mod stats;

pub use commit::{CommitEvent, CommitThread, GROUPS_QUEUED_MAX, SubmitError};
pub use file::{FileDisk, FileDiskError};
pub use open::{OpenError, open, verify};
pub use spares::{SegmentFigures, SegmentStats};
pub use stats::{BUCKETS_US, CommitFigures, CommitStats};
