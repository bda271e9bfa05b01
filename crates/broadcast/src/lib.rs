//! The broadcast node's machines: what a viewer may do, what a stream shows, how writes go up and frames come down.
//!
//! A viewer's write goes [`session`] → [`uplink`] → its owner; a frame goes [`feed`] → [`room`] → [`carousel`] → viewers,
//! and [`room`] → [`relay`] → nodes below. [`sources`] says whom the feed takes it from.
//! Invariant: nothing here knows a clock, a socket or a thread: time is an argument, and what is to be sent is an output.

pub mod admission;
pub mod carousel;
pub mod feed;
pub mod forms;
pub mod page;
pub mod rate;
pub mod relay;
pub mod room;
pub mod session;
pub mod sources;
pub mod uplink;
pub mod websocket;

pub use admission::{Admission, Coming};
pub use feed::{Feed, Update};
pub use forms::Forms;
pub use page::Page;
pub use relay::Relay;
pub use room::{Behind, Chunk, ChunkKind, Cursor, Place, Room, RoomConfig};
pub use session::{Session, SessionConfig, Verdict};
pub use sources::Sources;
pub use uplink::{Op, Origin, To, Uplink, Write};
