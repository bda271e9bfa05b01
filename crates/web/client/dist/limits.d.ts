/** Taps that one message may report. */
export declare const TAPS_PER_MESSAGE_MAX = 100;
/** Writes without an answer on one connection: with so many a node reads no further. */
export declare const UNANSWERED_MAX = 32;
/** Comments that one question about likes may name. */
export declare const LIKES_QUERY_IDS_MAX = 100;
/** How far a stamp may be ahead of the server's clock. */
export declare const STAMP_AHEAD_MS_MAX = 60000;
/** An answer comes within 10 s or the connection closes; two more for the way. */
export declare const ANSWER_MS_MAX = 12000;
