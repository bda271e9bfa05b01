// The buttons to tap: one for each kind that the server counts, with its count.
//
// At the lower right of the stage, where what is tapped rises. Invariant: a tap is counted on the screen at once.

import type { Live, View } from "@watershed/client";
import { memo } from "preact/compat";
import { short } from "../shared/figures.ts";
import { Icon } from "../shared/icons.tsx";
import type { Shape } from "../shared/icons.tsx";

/** The kinds of a cluster whose configuration does not say otherwise, in the order of their keys, 1 to 4. */
export const KINDS = ["heart", "clap", "laugh", "wow"] as const;

interface Props {
  readonly live: Live;
  readonly reactions: View["reactions"];
}

export const Reactions = memo(function Reactions({ live, reactions }: Props) {
  const others = Object.keys(reactions).filter((kind) => !(KINDS as readonly string[]).includes(kind)).sort();
  return (
    <div id="reactions" role="group" aria-label="Reactions">
      {[...KINDS, ...others].map((kind) => (
        <Tap key={kind} kind={kind} count={reactions[kind] ?? 0} live={live} />
      ))}
    </div>
  );
});

const Tap = memo(function Tap({ kind, count, live }: { kind: string; count: number; live: Live }) {
  return (
    <button
      type="button"
      class={`tap ${kind}`}
      data-kind={kind}
      data-count={count}
      aria-label={`Send a ${kind}, ${short(count)} so far`}
      onClick={() => live.react(kind)}
    >
      <Icon shape={shapeOf(kind)} />
      <span class="figure" aria-hidden="true">{short(count)}</span>
    </button>
  );
});

function shapeOf(kind: string): Shape {
  return (KINDS as readonly string[]).includes(kind) ? (kind as Shape) : "drop";
}
