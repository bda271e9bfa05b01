//! What the conductors of large runs have in common.
//!
//! Above everything else: it starts the real processes and knows of them what people know. Invariant: nothing here runs
//! inside what it measures.

pub mod scale;
