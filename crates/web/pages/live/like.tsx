// The like button of a comment: a heart, the count, and whether it is this viewer's too.
//
// In every row, in the pinned comment and in the most liked ones. Invariant: it shows what this viewer asked for last, at once.

import type { Comment, Live } from "@watershed/client";
import { memo } from "preact/compat";
import { useLayoutEffect, useRef } from "preact/hooks";
import { short } from "../shared/figures.ts";
import { Icon } from "../shared/icons.tsx";
import { LESS_MOTION, holds } from "../shared/media.ts";

/** Whether so little changes in this frame that a changed count may move. Under a flood nobody could follow it. */
export interface Pace {
  calm: boolean;
}

const LIFT = [{ transform: "translateY(-35%)", opacity: 0.4 }, { transform: "none", opacity: 1 }];
const LIFT_MS = 260;

interface Props {
  readonly live: Live;
  readonly comment: Comment;
  readonly pace: Pace;
  /** Whether the tabulator key comes here. */
  readonly reachable: boolean;
}

export const Like = memo(function Like({ live, comment, pace, reachable }: Props) {
  const { id, name, likes, liked } = comment;
  const count = useRef<HTMLSpanElement>(null);
  const before = useRef(likes);
  useLayoutEffect(() => {
    if (before.current === likes) return;
    before.current = likes;
    if (pace.calm && !holds(LESS_MOTION)) count.current?.animate(LIFT, { duration: LIFT_MS, easing: "ease-out" });
  }, [likes]);
  return (
    <button
      type="button"
      class="like plain"
      aria-pressed={liked}
      aria-label={`Like the comment of ${name}, ${short(likes)} ${likes === 1 ? "like" : "likes"}`}
      disabled={id === null}
      tabIndex={reachable ? 0 : -1}
      onClick={() => toggle(live, comment)}
    >
      <Icon shape={liked ? "heart" : "outline"} />
      <span class="count figure" ref={count} data-count={likes}>{short(likes)}</span>
    </button>
  );
});

/** Likes what is not liked, and the other way round. Without an id it is not acknowledged yet, and cannot be liked. */
export function toggle(live: Live, { id, liked }: Comment): void {
  if (id === null) return;
  if (liked) live.unlike(id);
  else live.like(id);
}
