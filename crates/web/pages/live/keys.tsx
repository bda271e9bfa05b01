// The keys of the page, and the dialog that lists them.
//
// Between the keyboard and what the page can do. Invariant: a single letter does nothing while somebody writes, and nothing at
// all where it is switched off, because a voice that types letters must not press buttons.

import type { Live } from "@watershed/client";
import { useEffect, useState } from "preact/hooks";
import { Modal } from "./modal.tsx";
import { KINDS } from "./reactions.tsx";

const KEPT_AS = "watershed.keys";

const LISTED = [
  ["/", "write a comment"],
  ["Enter", "send it; with Shift, a new line"],
  ["1 2 3 4", "send a heart, a clap, a laugh, a wow"],
  ["C", "go to the comments"],
  ["↑ ↓ Home End", "from comment to comment"],
  ["L", "like the comment, or take it back"],
  ["M", "what else can be done with it"],
  ["Esc", "leave the comment, the field, a menu"],
  ["?", "this list"],
] as const;

/** Whether single keys are on, and how to switch them. */
export function useKeysOn(): [boolean, (on: boolean) => void] {
  const [on, setOn] = useState(() => {
    try {
      return localStorage.getItem(KEPT_AS) !== "off";
    } catch {
      return true;
    }
  });
  const keep = (next: boolean) => {
    setOn(next);
    try {
      localStorage.setItem(KEPT_AS, next ? "on" : "off");
    } catch {
      // It holds for this visit then.
    }
  };
  return [on, keep];
}

/** Listens for the keys of the page while they are on. */
export function useKeys(live: Live, on: boolean, help: () => void): void {
  useEffect(() => {
    if (!on) return;
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (target.matches("input, textarea, select, dialog, dialog *")) return;
      const kind = KINDS[Number(event.key) - 1];
      if (event.key === "/") document.getElementById("body")?.focus();
      else if (event.key.toLowerCase() === "c") document.getElementById("comments")?.focus();
      else if (event.key === "?") help();
      else if (kind) live.react(kind);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [live, on]);
}

interface Props {
  readonly on: boolean;
  readonly setOn: (on: boolean) => void;
  readonly close: () => void;
}

export function Keys({ on, setOn, close }: Props) {
  return (
    <Modal title="Keys" close={close}>
      <dl class="keys">
        {LISTED.map(([keys, what]) => (
          <div key={keys}>
            <dt>{keys.split(" ").map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="switch">
        <input type="checkbox" checked={on} onChange={(event) => setOn(event.currentTarget.checked)} />
        Single keys outside the list of comments
      </label>
      <div class="choices">
        <button type="button" class="main" onClick={close}>Close</button>
      </div>
    </Modal>
  );
}
