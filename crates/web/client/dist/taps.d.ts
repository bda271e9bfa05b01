export declare class Taps {
    /** Not sent yet, the kind that waits longest first. */
    private waiting;
    /** Sent, and maybe not in a frame yet. */
    private flights;
    /** What was shown last. */
    private seen;
    private sentAt;
    tap(kind: string, count: number): void;
    /** When the next message may be sent; null while nothing waits. */
    dueAt(intervalMs: number): number | null;
    /** The next message, which is sent now. */
    take(now: number): {
        kind: string;
        count: number;
    } | null;
    /** Of one kind, flights of the same half second are one, and so are all that the next frame ends. */
    private fly;
    /** The server has told its counts; `anew` after a gap, in which nothing is known of what was sent. */
    counted(reactions: Map<string, number>, now: number, anew: boolean): void;
    /** What to show for the server's counts: of those that can be true, the one that is nearest to what was shown. */
    shown(reactions: Map<string, number>): Map<string, number>;
}
