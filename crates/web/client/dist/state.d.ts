import { Row } from "./row.ts";
import type { Taps } from "./taps.ts";
import type { Connection, Limits, View } from "./view.ts";
import type { Ack, Frame, Reject } from "./wire.ts";
/** Rejected comments that wait to be sent again or dismissed; of more, the oldest are dismissed. */
export declare const REJECTED_MAX = 20;
/** Where a view stands. */
export interface Point {
    epoch: number;
    seq: number;
}
export declare class State {
    private readonly self;
    private readonly listMax;
    private readonly taps;
    point: Point | null;
    connection: Connection;
    limits: Limits | null;
    private readonly rows;
    /** The list, oldest first. */
    private list;
    private top;
    private pinned;
    private drafts;
    private deleted;
    private viewers;
    private reactions;
    private unseen;
    private partial;
    private last;
    constructor(self: {
        viewer: string;
        name: string;
    }, listMax: number, taps: Taps);
    /** Takes a frame; false if it does not continue what this has, so that the connection must be broken. */
    frame(frame: Frame, now: number): boolean;
    private snapshot;
    private delta;
    /** A comment that a frame shows, at the end of the list. `born` says that it is new to the world. */
    private append;
    /** The one row of this comment, with the server's count. */
    private cover;
    /** The key of a draft that this comment seems to be: the answer, which may come later, will tell. */
    private match;
    /** An own comment that no frame has shown stays, beside those of its time. */
    private keep;
    private remove;
    private trim;
    /** Forgets a comment that stands nowhere any more. */
    private release;
    private count;
    /** The row of a comment that the view covers. */
    row(id: string): Row | undefined;
    /** Comments of which it is not known whether this viewer likes them. */
    untold(): Row[];
    /** A new comment of this viewer; its key. */
    write(ref: string, body: string, now: number): string;
    /** The body of a rejected comment, which is taken out. */
    dismiss(key: string): string | null;
    /** A comment of this viewer is stored under this id. */
    stored(ack: Ack): void;
    /** A comment of this viewer is refused for good. */
    refuse(reject: Pick<Reject, "code" | "message"> & {
        ref: string;
    }): void;
    /** A draft had taken the wrong comment, or none. If another of the same words has taken the right one, they change. */
    private exchange;
    /** Ends the doubt about likes whose time is over; when the next one is due. */
    settle(now: number): number | null;
    /** The view now: the same object, and the same objects below it, where nothing has changed. */
    view(): View;
}
