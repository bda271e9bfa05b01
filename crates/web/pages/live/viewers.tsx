// How many watch, compact and rolling to its new value; the exact number is beside it for whoever asks.
//
// On the stage. Invariant: it ends at the server's number.

import { memo } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import { counted, short } from "../shared/figures.ts";
import { inNextFrame, notInNextFrame } from "../shared/frame.ts";
import { Icon } from "../shared/icons.tsx";
import { LESS_MOTION, holds } from "../shared/media.ts";

const ROLL_MS = 700;

export const Viewers = memo(function Viewers({ viewers }: { viewers: number }) {
  const shown = useRolling(viewers);
  return (
    <p id="viewers" class="chip" data-count={viewers} title={`${counted(viewers, "connection")} to this stream`}>
      <Icon shape="eye" />
      <span class="figure" aria-hidden="true">{short(shown)}</span>
      <span class="spoken">{viewers === 1 ? "1 viewer" : `${short(viewers)} viewers`}</span>
    </p>
  );
});

/** A number on its way to the one that is given. */
function useRolling(goal: number): number {
  const [shown, setShown] = useState(goal);
  const at = useRef(goal);
  useEffect(() => {
    const from = at.current;
    if (from === goal) return;
    const set = (value: number) => setShown((at.current = value));
    if (holds(LESS_MOTION)) return set(goal);
    let begunMs: number | null = null;
    const roll = (nowMs: number) => {
      begunMs ??= nowMs;
      const part = Math.min(1, (nowMs - begunMs) / ROLL_MS);
      set(Math.round(from + (goal - from) * (1 - (1 - part) ** 3)));
      if (part < 1) inNextFrame(roll);
    };
    inNextFrame(roll);
    return () => notInNextFrame(roll);
  }, [goal]);
  return shown;
}
