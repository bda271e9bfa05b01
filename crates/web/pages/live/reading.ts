// Whether the list follows the newest comments, or waits for somebody who reads further up.
//
// Between the view's comments and the list. Invariant: while it waits, what came is counted, not lost.

import type { Comment } from "@watershed/client";
import { useRef, useState } from "preact/hooks";
import { arrived, held } from "./held.ts";

export interface Reading {
  /** What the list shows. */
  readonly shown: readonly Comment[];
  readonly waits: boolean;
  /** How many came since it waits. */
  readonly unread: number;
  readonly wait: () => void;
  readonly follow: () => void;
}

export function useReading(comments: readonly Comment[]): Reading {
  const [waits, setWaits] = useState(false);
  // What was shown last, of which comments, and how many were new to the reader by then.
  const last = useRef({ comments, shown: comments, unread: 0 });
  if (!waits) {
    last.current = { comments, shown: comments, unread: 0 };
  } else if (last.current.comments !== comments) {
    const known = new Set(last.current.comments.map((comment) => comment.key));
    last.current = {
      comments,
      shown: held(last.current.shown, comments),
      unread: last.current.unread + arrived(known, comments),
    };
  }
  const actions = useRef({ wait: () => setWaits(true), follow: () => setWaits(false) });
  return { shown: last.current.shown, waits, unread: last.current.unread, ...actions.current };
}
