// What a screen reader hears of the comments: one by one while they are few, a count when they are many.
//
// Beside the list, which is not read out by itself. Invariant: it speaks at most once in `QUIET_MS`, however many come.

import type { Comment } from "@watershed/client";
import { memo } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import { inNextFrame, notInNextFrame } from "../shared/frame.ts";
import { arrived } from "./held.ts";

/** Long enough to hear one to its end. */
const QUIET_MS = 8_000;
/** Of a comment that is read out. */
const CHARS_MAX = 140;

export const Announcer = memo(function Announcer({ comments }: { comments: readonly Comment[] }) {
  const [said, setSaid] = useState("");
  const memory = useRef({ known: new Set(comments.map(({ key }) => key)), waiting: 0, begun: comments.length > 0 }).current;
  const timer = useRef<number | null>(null);
  const latest = useRef(comments);
  latest.current = comments;

  const speak = useRef(() => {
    if (timer.current !== null || memory.waiting === 0) return;
    setSaid(inWords(memory.waiting, latest.current));
    memory.waiting = 0;
    timer.current = window.setTimeout(() => {
      timer.current = null;
      inNextFrame(speak);
    }, QUIET_MS);
  }).current;
  useEffect(() => {
    const others = comments.filter(({ own }) => !own);
    // What stood there at the beginning is there to be read, and is not news.
    if (memory.begun) memory.waiting += arrived(memory.known, others);
    memory.begun = true;
    memory.known = new Set(comments.map(({ key }) => key));
    // With the next frame, so that a frame stays one update of the page.
    if (timer.current === null) inNextFrame(speak);
  }, [comments]);
  useEffect(() => () => {
    clearTimeout(timer.current ?? undefined);
    notInNextFrame(speak);
  }, []);

  return <p id="spoken" class="spoken" aria-live="polite">{said}</p>;
});

function inWords(count: number, comments: readonly Comment[]): string {
  const newest = comments.findLast(({ own }) => !own);
  if (count > 1 || !newest) return `${count} new comments`;
  const body = newest.body.length > CHARS_MAX ? `${newest.body.slice(0, CHARS_MAX)}…` : newest.body;
  return `${newest.name}: ${body}`;
}
