// One stream that is being watched, as the components see it: the client's view, at most once for each frame of the screen.
//
// Between the client and the components. Invariant: however often the client's view changes, it is drawn once a frame.

import { watch } from "@watershed/client";
import type { Live, View } from "@watershed/client";
import { useSyncExternalStore } from "preact/compat";
import { useEffect, useState } from "preact/hooks";
import { inNextFrame } from "../shared/frame.ts";
import type { Identity } from "./identity.ts";

/** What `useSyncExternalStore` takes. */
interface Framed {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => View;
}

/** A view that changes in animation frames only. A hidden page has none, and catches up in one when it is shown. */
function framed(live: Live): Framed {
  let view = live.getSnapshot();
  const listeners = new Set<() => void>();
  const draw = () => {
    const next = live.getSnapshot();
    if (next === view) return;
    view = next;
    for (const listener of listeners) listener();
  };
  let leave: (() => void) | null = null;
  return {
    subscribe(listener) {
      listeners.add(listener);
      leave ??= live.subscribe(() => inNextFrame(draw));
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        leave?.();
        leave = null;
      };
    },
    getSnapshot: () => view,
  };
}

/** Watches for as long as the component is there. */
export function useWatching(identity: Identity): { live: Live; view: View } {
  const [{ live, shown }] = useState(() => {
    const live = watch(identity);
    return { live, shown: framed(live) };
  });
  useEffect(() => () => live.close(), [live]);
  const view = useSyncExternalStore(shown.subscribe, shown.getSnapshot);
  return { live, view };
}
