// The small menu of a comment: pin, unpin, delete.
//
// Between a row's button and the client. Whether somebody may do it is the server's to say, which answers on the comment.
// Invariant: there is one menu on the page, and closing it gives the focus back.

import type { Comment, Live } from "@watershed/client";
import { useLayoutEffect, useRef } from "preact/hooks";

/** What a menu must know of its comment. */
type Subject = Pick<Comment, "id" | "name" | "own">;

/** Opens the menu of a comment at a button or a row. */
export type OpenMenu = (comment: Subject, at: HTMLElement) => void;

/** Which comment's menu is open, and where. */
export interface Opened {
  readonly comment: Subject;
  readonly at: HTMLElement;
}

interface Props {
  readonly live: Live;
  readonly opened: Opened;
  readonly pinnedId: string | null;
  readonly close: () => void;
}

export function Menu({ live, opened, pinnedId, close }: Props) {
  const menu = useRef<HTMLDivElement>(null);
  const { id, own } = opened.comment;
  useLayoutEffect(() => {
    const element = menu.current;
    if (!element) return;
    element.showPopover();
    place(element, opened.at.getBoundingClientRect());
    element.querySelector("button")?.focus();
  }, [opened]);
  const act = (action: () => void) => () => {
    action();
    leave();
  };
  const leave = () => {
    close();
    opened.at.focus();
  };
  if (id === null) return null;
  return (
    <div
      ref={menu}
      id="menu"
      role="menu"
      popover="auto"
      aria-label={`On the comment of ${opened.comment.name}`}
      onToggle={(event) => event.newState === "closed" && close()}
      onKeyDown={(event) => walk(event, leave)}
    >
      {pinnedId === id
        ? <button type="button" role="menuitem" class="plain" onClick={act(() => live.pin(null))}>Unpin</button>
        : <button type="button" role="menuitem" class="plain" onClick={act(() => live.pin(id))}>Pin for everybody</button>}
      <button type="button" role="menuitem" class="plain" onClick={act(() => live.delete(id))}>
        {own ? "Delete my comment" : "Delete"}
      </button>
      {own ? null : <p class="hint">For moderators</p>}
    </div>
  );
}

/** Below the button and to its left, or above it where the window ends. */
function place(menu: HTMLElement, at: DOMRect): void {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.max(8, Math.min(at.right - width, innerWidth - width - 8));
  const below = at.top + Math.min(at.height, 40) + 4;
  const top = below + height + 8 > innerHeight ? Math.max(8, at.top - height - 4) : below;
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}

/** The keys of a menu: up and down go round, escape and the tabulator leave. */
function walk(event: KeyboardEvent, leave: () => void): void {
  const menu = event.currentTarget as HTMLElement;
  const items = [...menu.querySelectorAll<HTMLElement>("[role=menuitem]")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  event.stopPropagation();
  if (step !== undefined) items.at((at + step) % items.length)?.focus();
  else if (event.key === "Escape" || event.key === "Tab") leave();
  else return;
  event.preventDefault();
}
