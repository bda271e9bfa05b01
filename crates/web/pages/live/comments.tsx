// The list of comments: the newest at the bottom, which it follows unless somebody reads further up.
//
// Between the view and the rows. Invariant: one change of the list a frame, and at most one look at its height, whatever
// number of rows changed.

import type { Comment, Live } from "@watershed/client";
import { memo } from "preact/compat";
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import { whole } from "../shared/figures.ts";
import { Icon } from "../shared/icons.tsx";
import { toggle } from "./like.tsx";
import type { Pace } from "./like.tsx";
import type { OpenMenu } from "./menu.tsx";
import { useReading } from "./reading.ts";
import type { Reading } from "./reading.ts";
import { Row } from "./row.tsx";

/** Nearer to the end than this, the list follows. */
const NEAR_END_PX = 40;
/** With more changed rows than this in one frame, counts do not move. */
const CALM_ROWS_MAX = 8;

interface Props {
  readonly live: Live;
  readonly comments: readonly Comment[];
  /** Whether the server has spoken, so that an empty list is an empty stream. */
  readonly begun: boolean;
  readonly openMenu: OpenMenu;
}

export const Comments = memo(function Comments({ live, comments, begun, openMenu }: Props) {
  const list = useRef<HTMLOListElement>(null);
  const reading = useReading(comments);
  const { shown, waits, unread, follow } = reading;
  const [active, setActive] = useState<string | null>(null);
  const pace = usePace(shown);
  const toEnd = useCallback(() => list.current?.scrollTo({ top: list.current.scrollHeight, behavior: "instant" }), []);

  useLayoutEffect(() => {
    if (!waits) toEnd();
  }, [shown, waits]);
  useEndKept(list, waits, toEnd);
  useOwnShown(comments, follow);
  useFocusKept(list, shown, active, setActive);

  return (
    <div class="list">
      <ol
        id="comments"
        ref={list}
        tabIndex={0}
        aria-label="Comments"
        data-waits={waits || undefined}
        onScroll={(event) => scrolled(event.currentTarget, reading)}
        onFocusIn={(event) => focused(event, reading, setActive)}
        onFocusOut={(event) => scrolled(event.currentTarget, reading)}
        onKeyDown={(event) => key(event, live, shown, openMenu)}
      >
        {shown.map((comment) => (
          <Row key={comment.key} live={live} comment={comment} pace={pace} active={comment.key === active} openMenu={openMenu} />
        ))}
      </ol>
      {begun && shown.length === 0 ? <p class="empty">Nobody has written yet. Be the first.</p> : null}
      <button type="button" id="newest" class="main" hidden={!waits} onClick={follow}>
        <Icon shape="down" />
        {unread === 0 ? "To the newest" : `${whole(unread)} new`}
      </button>
    </div>
  );
});

/** Says to the rows whether little enough changed since the last drawing for counts to move. */
function usePace(shown: readonly Comment[]): Pace {
  const pace = useRef<Pace>({ calm: true }).current;
  const before = useRef(shown);
  if (before.current !== shown) {
    const same = new Set(before.current);
    let changed = 0;
    for (const comment of shown) if (!same.has(comment)) changed += 1;
    pace.calm = changed <= CALM_ROWS_MAX;
    before.current = shown;
  }
  return pace;
}

/** Keeps the end in sight when the list becomes smaller or larger. */
function useEndKept(list: { current: HTMLOListElement | null }, waits: boolean, toEnd: () => void): void {
  useLayoutEffect(() => {
    if (waits || !list.current) return;
    const observer = new ResizeObserver(toEnd);
    observer.observe(list.current);
    return () => observer.disconnect();
  }, [waits]);
}

/** Whoever writes wants to see it. */
function useOwnShown(comments: readonly Comment[], follow: () => void): void {
  const newest = comments.findLast((comment) => comment.own && comment.sent.state === "sending")?.key;
  useLayoutEffect(() => {
    if (newest !== undefined) follow();
  }, [newest]);
}

/** When the row that has the focus goes away, the list has it: a keyboard must not be sent back to the top of the page. */
function useFocusKept(
  list: { current: HTMLOListElement | null },
  shown: readonly Comment[],
  active: string | null,
  setActive: (key: string | null) => void,
): void {
  useLayoutEffect(() => {
    if (active === null || shown.some((comment) => comment.key === active)) return;
    setActive(null);
    if (document.activeElement === document.body) list.current?.focus({ preventScroll: true });
  }, [shown, active]);
}

/** Follows at the end, waits elsewhere, and while a keyboard is on a row. */
function scrolled(list: HTMLElement, { waits, wait, follow }: Reading): void {
  const nearEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END_PX;
  const follows = nearEnd && list.querySelector(":scope > li:focus-visible, :scope > li :focus-visible") === null;
  if (follows === waits) (follows ? follow : wait)();
}

/** A row that a keyboard has come to must not move away. A click does not hold the list. */
function focused(event: FocusEvent, { wait }: Reading, setActive: (key: string | null) => void): void {
  const target = event.target as HTMLElement;
  const row = target.closest<HTMLElement>("li");
  if (!row || !target.matches(":focus-visible")) return;
  setActive(row.dataset.key ?? null);
  wait();
}

/** The keys of the list: up, down, home and end go through it, L likes, M opens the menu. */
function key(event: KeyboardEvent, live: Live, shown: readonly Comment[], openMenu: OpenMenu): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const list = event.currentTarget as HTMLElement;
  const row = (document.activeElement?.closest("#comments > li") ?? null) as HTMLElement | null;
  const goal = {
    ArrowUp: row ? row.previousElementSibling : list.lastElementChild,
    ArrowDown: row ? row.nextElementSibling : list.lastElementChild,
    Home: list.firstElementChild,
    End: list.lastElementChild,
  }[event.key];
  const comment = row && shown.find((comment) => comment.key === row.dataset.key);
  if (goal !== undefined) (goal as HTMLElement | null)?.focus();
  else if (event.key === "Escape" && row) list.focus();
  else if (comment && event.key.toLowerCase() === "l") toggle(live, comment);
  else if (row && comment?.id && event.key.toLowerCase() === "m") openMenu(comment, row);
  else return;
  event.preventDefault();
}
