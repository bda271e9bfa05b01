//! The named maxima of the protocol: what any peer may rely on, whatever a node is configured to.
//!
//! A configuration may be stricter than these, never laxer. Sizes are in bytes unless the name says otherwise.

/// Longest stream, viewer or node name.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest `ref` of a client's message.
pub const REF_BYTES_MAX: usize = 64;
/// Longest comment body that any configuration may allow; the default limit is 1,000.
pub const BODY_BYTES_MAX: usize = 4_000;
/// Longest display name.
pub const DISPLAY_NAME_BYTES_MAX: usize = 128;
/// Longest kind of a reaction ("heart").
pub const REACTION_KIND_BYTES_MAX: usize = 32;
/// Most kinds of reactions of one stream.
pub const REACTION_KINDS_MAX: usize = 16;
/// Most taps that one `react` message may carry; more are cut to this.
pub const TAPS_PER_MESSAGE_MAX: u32 = 100;
/// Largest message that a client may send, fragments together: the largest body, escaped, and its envelope.
pub const CLIENT_MESSAGE_BYTES_MAX: usize = 32 * 1024;
/// Largest frame between nodes.
pub const PEER_FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Comments of a snapshot: what a viewer sees at first.
pub const SNAPSHOT_COMMENTS_MAX: usize = 100;
/// The most liked comments of a stream that are shown beside the newest.
pub const TOP_COMMENTS_MAX: usize = 5;
/// Comments of one epoch, the newest, that frames may call by their ordinals; older ones are called by their ids. It is what
/// a client of a compact encoding remembers: 40 s of 100 comments a second, 100 KB.
pub const ORDINALS_KEPT_MAX: u64 = 4_096;
/// Longest message of the server that is sent deflated, before it is: a client need not inflate more. A snapshot of the
/// longest comments fits; what is longer goes plain.
pub const DEFLATED_BYTES_MAX: usize = 1024 * 1024;
/// Most tallies of one stream in a report or a frame; the rest stay dirty at the processor.
pub const TALLIES_PER_FRAME_MAX: usize = 1_000;
/// Most comments of one stream in a report; the rest wait for the next.
pub const COMMENTS_PER_REPORT_MAX: usize = 500;
/// Most writes in one batch between a broadcast node and a processor.
pub const WRITES_PER_BATCH_MAX: usize = 16_384;
/// Most comments on one page of history.
pub const HISTORY_PAGE_MAX: usize = 500;
/// Most parts of one comment: more than there will be processors, and few enough that all of them are asked at once.
pub const SPREAD_MAX: u16 = 256;
/// Most ids in one question for a viewer's likes.
pub const LIKES_QUERY_IDS_MAX: usize = 100;
/// Most unanswered writes of one viewer: at this many the node stops reading its socket.
pub const UNANSWERED_MAX: u8 = 32;
/// Most counts of parts in one question: those of a whole page, each spread as widely as may be, go in several.
pub const COUNTS_QUERY_MAX: usize = 4_096;
/// How far a client's stamp may be ahead of the owner's clock, in milliseconds.
pub const STAMP_AHEAD_MS_MAX: u64 = 60_000;
/// Greatest stamp: integers beyond it are not exact in JavaScript.
pub const STAMP_MAX: u64 = (1 << 53) - 1;
/// Greatest epoch, seq or position: integers beyond it are not exact in JavaScript, and counting on has room above it.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;
/// Longest words, in characters, about a value that somebody sent: what is said back or logged is never as long as it was.
pub const WORDS_CHARS_MAX: usize = 240;
