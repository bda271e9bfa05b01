// What somebody goes on seeing who reads further up while new comments come.
//
// Between the view, which keeps the newest, and the list on the screen. Invariant: nothing that is being read moves away, but
// what was deleted, and the list is never longer than it may be.

import type { Comment } from "@watershed/client";

/** As many as the list on the screen may have. */
export const LIST_MAX = 200;

/**
 * The list that a reader has, brought up to `now`.
 *
 * Comments that stood before all that `now` still has are too old for the view and stay; one that is missing further down was
 * deleted. New ones are added behind until the list is full: the rest waits until the reader comes back to the end.
 */
export function held(before: readonly Comment[], now: readonly Comment[]): readonly Comment[] {
  const present = new Set(now.map((comment) => comment.key));
  const first = before.findIndex((comment) => present.has(comment.key));
  const old = first < 0 ? before : before.slice(0, first);
  return [...old, ...now].slice(0, LIST_MAX);
}

/** How many of `now` are not among those that were known. */
export function arrived(known: ReadonlySet<string>, now: readonly Comment[]): number {
  let count = 0;
  for (const comment of now) if (!known.has(comment.key)) count += 1;
  return count;
}
