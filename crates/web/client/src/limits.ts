// The limits of the protocol that a client keeps.
//
// Beside the messages; the server's own are in `crates/protocol/src/limits.rs`. Invariant: none is greater than the server's.

/** Taps that one message may report. */
export const TAPS_PER_MESSAGE_MAX = 100;
/** Writes without an answer on one connection: with so many a node reads no further. */
export const UNANSWERED_MAX = 32;
/** Comments that one question about likes may name. */
export const LIKES_QUERY_IDS_MAX = 100;
/** How far a stamp may be ahead of the server's clock. */
export const STAMP_AHEAD_MS_MAX = 60_000;
/** An answer comes within 10 s or the connection closes; two more for the way. */
export const ANSWER_MS_MAX = 12_000;
