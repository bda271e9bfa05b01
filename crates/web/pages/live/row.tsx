// One comment of the list.
//
// Between the list and what others wrote, which is text and never markup. Invariant: a row whose comment is the same object is
// not drawn again.

import type { Comment, Live } from "@watershed/client";
import { memo } from "preact/compat";
import { Icon } from "../shared/icons.tsx";
import { Like } from "./like.tsx";
import type { Pace } from "./like.tsx";
import type { OpenMenu } from "./menu.tsx";
import { initial, whoClass } from "./who.ts";

interface Props {
  readonly live: Live;
  readonly comment: Comment;
  readonly pace: Pace;
  /** Whether it is the one row of the list that the tabulator key comes to. */
  readonly active: boolean;
  readonly openMenu: OpenMenu;
}

export const Row = memo(function Row({ live, comment, pace, active, openMenu }: Props) {
  const { id, author, name, body, at, own, sent, refused } = comment;
  return (
    <li
      class={`comment ${whoClass(author)}${own ? " own" : ""}`}
      data-id={id ?? undefined}
      data-key={comment.key}
      data-state={sent.state}
      tabIndex={active ? 0 : -1}
    >
      <Words name={name} body={body} at={at} own={own} />
      <div class="actions">
        <Like live={live} comment={comment} pace={pace} reachable={active} />
        {id === null ? null : <More id={id} name={name} own={own} reachable={active} openMenu={openMenu} />}
      </div>
      {refused ? <p class="refusal wrong">{refused.message}</p> : null}
      <Fate live={live} comment={comment} />
    </li>
  );
});

/** What does not change any more; apart, because under a flood of likes every row is drawn again in each frame. */
const Words = memo(function Words({ name, body, at, own }: Pick<Comment, "name" | "body" | "at" | "own">) {
  return (
    <>
      <span class="face" aria-hidden="true">{initial(name)}</span>
      <div class="said">
        <p class="head">
          <bdi class="name">{name}</bdi>
          {own ? <span class="you">you</span> : null}
          <When at={at} />
        </p>
        <p class="text" dir="auto">{body}</p>
      </div>
    </>
  );
});

interface MoreProps {
  readonly id: string;
  readonly name: string;
  readonly own: boolean;
  readonly reachable: boolean;
  readonly openMenu: OpenMenu;
}

const More = memo(function More({ id, name, own, reachable, openMenu }: MoreProps) {
  return (
    <button
      type="button"
      class="more plain"
      aria-haspopup="menu"
      aria-label={`More on the comment of ${name}`}
      tabIndex={reachable ? 0 : -1}
      onClick={(event) => openMenu({ id, name, own }, event.currentTarget)}
    >
      <Icon shape="more" />
    </button>
  );
});

/** What became of one's own sending, while it is not simply there. */
function Fate({ live, comment }: { live: Live; comment: Comment }) {
  const { sent, key } = comment;
  if (sent.state === "done") return null;
  if (sent.state === "sending") return <p class="fate">sending…</p>;
  return (
    <div class="fate">
      <p class="wrong">Not sent: {sent.message}</p>
      <button type="button" class="again" onClick={() => live.again(key)}>Try again</button>
      <button type="button" class="dismiss plain" onClick={() => live.dismiss(key)}>Dismiss</button>
    </div>
  );
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** The time of day. */
export function When({ at }: { at: number }) {
  const date = new Date(at);
  return <time class="when figure" dateTime={date.toISOString()}>{clock.format(date)}</time>;
}
