// One comment of the view: what the server told of it, and what this viewer did to it.
//
// Between frames and answers, which change it, and the view, which shows it. Invariant: `comment()` is the same object until
// something of it changes.

import { OwnLike } from "./own_like.ts";
import type { Comment, OwnState } from "./view.ts";
import type { Line } from "./wire.ts";

const DONE: OwnState = { state: "done" };

export type Refusal = { code: string; message: string };

/** A comment that has an id. */
export class Row {
  readonly like: OwnLike;
  key: string;
  line: Line;
  /** Whether a frame has shown it; if not, it is this viewer's own, and acknowledged. */
  framed: boolean;
  /** Whether it is in the list: a comment may be on top or pinned and not be there. */
  listed = false;
  refused: Refusal | null = null;
  private readonly own: boolean;
  private last: Comment | null = null;

  constructor(line: Line, key: string, own: boolean, framed: boolean, told: boolean) {
    this.line = line;
    this.key = key;
    this.own = own;
    this.framed = framed;
    this.like = new OwnLike(line.likes, told);
  }

  comment(): Comment {
    const { last, line, key, like, own, refused } = this;
    const { id, author, name, body, at } = line;
    const now: Comment = { key, id, author, name, body, at, likes: like.shown, liked: like.liked, own, sent: DONE, refused };
    const same = last && (Object.keys(now) as (keyof Comment)[]).every((field) => now[field] === last[field]);
    return same ? last : (this.last = now);
  }
}

/** A comment of this viewer that has no answer yet, or was refused for good. */
export interface Draft {
  ref: string;
  /** A framed comment that looks like this one, before the answer has told its id. */
  match: string | null;
  comment: Comment;
}

/** A draft as it begins. */
export function draft(ref: string, author: string, name: string, body: string, at: number): Draft {
  const comment: Comment = { key: `own-${ref}`, id: null, author, name, body, at, likes: 0, liked: false, own: true, sent: { state: "sending" }, refused: null };
  return { ref, match: null, comment };
}
