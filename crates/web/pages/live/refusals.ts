// What the server refused last, said once near the field in which one writes.
//
// Between the view and the notice. Invariant: each refusal is said once, when it comes.

import type { Comment, View } from "@watershed/client";
import { useEffect, useRef } from "preact/hooks";

/** Says the message of each comment, like, pin or deletion that has newly been refused. */
export function useRefusals(view: View, say: (notice: string) => void): void {
  const known = useRef(new Set<object>()).current;
  const { comments, pinned, top } = view;
  useEffect(() => {
    const refusals = [...comments, ...top, ...(pinned ? [pinned] : [])].flatMap(refusalOf);
    for (const refusal of refusals) if (!known.has(refusal)) say(refusal.message);
    known.clear();
    for (const refusal of refusals) known.add(refusal);
  }, [comments, pinned, top]);
}

function refusalOf({ sent, refused }: Comment): { message: string }[] {
  if (refused) return [refused];
  return sent.state === "rejected" ? [sent] : [];
}
