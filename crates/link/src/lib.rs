//! One connection between two nodes, as a pure machine: handshake, numbers, window, heartbeats, reconnect schedule.
//!
//! Between the role machines, which hand it bodies and are handed bodies, and whatever carries bytes: tokio's sockets in
//! production, the seeded network in the simulator. Both run this same code, its timeouts included.
//! Invariant: what comes out of one end of one connection is a prefix of what went in at the other, in order, once.
//!
//! ```text
//!  offer(body) ─▶ number, window ─▶ Transmit ═══ bytes ═══▶ Frame ─▶ number checked ─▶ Message(body)
//!      ▲                                                                                   │
//!      └── Room ◀── window opens ◀── Frame ◀══ heartbeat: sent, received, taken ◀── Taken ◀─┘
//! ```
//!
//! A link does not resend across connections: after `Down` the machines above resume from their own state, which is
//! newer than anything that a link could have kept (decision 0002).

mod backoff;
mod frame;
mod hello;
mod machine;
mod outlet;
mod reason;
mod session;

pub use backoff::Backoff;
pub use frame::{
    CONTROL_BYTES_MAX, FORMAT_VERSION, FRAME_BYTES_MAX, Frame, FrameError, Heartbeat, MESSAGE_HEAD_BYTES, Packet, cut,
};
pub use hello::{Expect, Greeting, Hello, Refusal, Secret, URL_BYTES_MAX, WINDOW_BYTES_MIN};
pub use machine::{Input, Link, LinkConfig, Output};
pub use outlet::{Outlet, Sent};
pub use reason::DownReason;
pub use session::{MESSAGE_COST, OfferError};
