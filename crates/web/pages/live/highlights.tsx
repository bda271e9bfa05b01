// What stands out: the comment that a moderator pinned, and the ones with the most likes.
//
// Above the list of a narrow page; the most liked are below the stage of a wide one. Invariant: they are the view's, in its order.

import type { Comment, Live } from "@watershed/client";
import { memo } from "preact/compat";
import { useRef, useState } from "preact/hooks";
import { Icon } from "../shared/icons.tsx";
import { Like } from "./like.tsx";
import type { Pace } from "./like.tsx";
import { initial, whoClass } from "./who.ts";

/** Few enough to move whenever they change. */
const CALM: Pace = { calm: true };
/** Where the most liked stand open at first: there is room beneath the stage. */
const WIDE = "(min-width: 60rem)";

/** `hidden` where nothing is pinned. */
export const Pinned = memo(function Pinned({ live, comment }: { live: Live; comment: Comment | null }) {
  return (
    <section id="pinned" aria-label="Pinned comment" data-id={comment?.id ?? undefined} hidden={comment === null}>
      {comment === null ? null : (
        <div class={`comment ${whoClass(comment.author)}`}>
          <span class="pin"><Icon shape="pin" /></span>
          <div class="said">
            <p class="head"><bdi class="name">{comment.name}</bdi><span class="when">pinned</span></p>
            <p class="text" dir="auto" tabIndex={0}>{comment.body}</p>
          </div>
          <div class="actions"><Like live={live} comment={comment} pace={CALM} reachable /></div>
        </div>
      )}
    </section>
  );
});

export const Top = memo(function Top({ live, comments }: { live: Live; comments: readonly Comment[] }) {
  const open = useRef(matchMedia(WIDE).matches).current;
  const [isOpen, setIsOpen] = useState(open);
  return (
    <details id="most-liked" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary><h2>Most liked</h2></summary>
      {comments.length === 0 ? <p class="empty">Nothing is liked yet.</p> : null}
      <ol id="top" aria-label="Most liked comments">
        {comments.map((comment) => (
          <li key={comment.key} class={`comment ${whoClass(comment.author)}`} data-id={comment.id ?? undefined}>
            <span class="face" aria-hidden="true">{initial(comment.name)}</span>
            <div class="said">
              <p class="head"><bdi class="name">{comment.name}</bdi></p>
              <p class="text" dir="auto" title={comment.body}>{comment.body}</p>
            </div>
            <div class="actions"><Like live={live} comment={comment} pace={CALM} reachable /></div>
          </li>
        ))}
      </ol>
    </details>
  );
});
