//! What the programs of this package have in common: the clock, and all that conductors of large runs need.
//!
//! Above everything else: it starts the real processes and knows of them what people know. Invariant: nothing here runs
//! inside what it measures.

pub mod clock;
pub mod scale;
