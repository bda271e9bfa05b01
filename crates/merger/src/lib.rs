//! The root merger: windows of all processors in, one ordered sequence of frames per stream out.
//!
//! A pure machine: [`Merger::step`] takes the time and one input and orders outputs; [`Merger::deadline`] says when it
//! wants a tick. Its state is soft: all of it comes back from the processors' resyncs under a fresh stream epoch.
//!
//! ```text
//! processors ──Report──▶ positions ─▶ counts, pending ─seal─▶ frame log ──Frame──▶ audience (broadcast nodes)
//!            ◀──Open───    what is merged                      view     ─Snapshot─▶
//! ```
//!
//! | module | noun |
//! |---|---|
//! | `event` | what happens to the root, and what it orders |
//! | `machine` | all streams and links; whom to tell what |
//! | `stream` | one stream: waiting for an epoch, opening, open |
//! | `live` | an open stream: view, pending changes, when the next frame is due |
//! | `content` | what is known of a stream under any epoch |
//! | `positions` | what has been merged of each slot, and whether a report continues it |
//! | `owners` | those of slots that a stream has heard from |
//! | `newest` | the newest comments by order key: what an epoch starts from |
//! | `counts` | tallies of comments, spread ones too |
//! | `pin` | the pin as a register |
//! | `pending` | what the next frame will say |
//! | `frame_log` | the last frames, for those who have been away |
//! | `bucket` | how often a stream may send a frame |
//! | `audience` | who gets a stream's frames, and how far each is |
//! | `nodes`, `processors` | the links, and what waits while one is full |
//! | `deadlines` | when each stream wants to act |
//! | `epochs` | fresh stream epochs |
//!
//! Invariant: what is sent of one stream under one epoch is one snapshot and a chain of frames that all subscribers share;
//! no comment is in it twice.

mod audience;
mod bucket;
mod config;
mod content;
mod counters;
mod counts;
mod deadlines;
mod epochs;
mod event;
mod frame_log;
mod live;
mod machine;
mod newest;
mod nodes;
mod ordinals;
mod owners;
mod pending;
mod pin;
mod positions;
mod processors;
mod stream;
mod stream_counts;
mod top;

pub use config::Config;
pub use counters::Counters;
pub use event::{Figures, Input, Output};
pub use machine::Merger;
pub use stream_counts::StreamCounts;
