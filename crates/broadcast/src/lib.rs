//! The broadcast node's machines: what a viewer may do, what a stream shows, how writes go up and frames come down.
//!
//! A viewer's write goes [`session`] → [`uplink`] → its owner; a frame goes [`feed`] → [`room`] → [`carousel`] → viewers.
//! Invariant: nothing here knows a clock, a socket or a thread: time is an argument, and what is to be sent is an output.

pub mod carousel;
pub mod feed;
pub mod forms;
pub mod page;
pub mod rate;
pub mod room;
pub mod session;
pub mod uplink;
pub mod websocket;

pub use feed::{Feed, Update};
pub use forms::Forms;
pub use page::Page;
pub use room::{Behind, Chunk, ChunkKind, Cursor, Place, Room, RoomConfig};
pub use session::{Session, SessionConfig, Verdict};
pub use uplink::{Op, Origin, To, Uplink, Write};
