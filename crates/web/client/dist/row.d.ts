import { OwnLike } from "./own_like.ts";
import type { Comment } from "./view.ts";
import type { Line } from "./wire.ts";
export type Refusal = {
    code: string;
    message: string;
};
/** A comment that has an id. */
export declare class Row {
    readonly like: OwnLike;
    key: string;
    line: Line;
    /** Whether a frame has shown it; if not, it is this viewer's own, and acknowledged. */
    framed: boolean;
    /** Whether it is in the list: a comment may be on top or pinned and not be there. */
    listed: boolean;
    refused: Refusal | null;
    private readonly own;
    private last;
    constructor(line: Line, key: string, own: boolean, framed: boolean, told: boolean);
    comment(): Comment;
}
/** A comment of this viewer that has no answer yet, or was refused for good. */
export interface Draft {
    ref: string;
    /** A framed comment that looks like this one, before the answer has told its id. */
    match: string | null;
    comment: Comment;
}
/** A draft as it begins. */
export declare function draft(ref: string, author: string, name: string, body: string, at: number): Draft;
