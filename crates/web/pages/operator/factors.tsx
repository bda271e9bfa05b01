// The reduction factor of every stage, large, where the stage is: the lane above the tree, and the lane below for the way back.
//
// In the drawing. Invariant: a factor is shown with what goes in and what comes out, so that it can be checked.

import { factor, rate } from "./format.ts";
import { type Stage } from "./flow.ts";
import { type Latest } from "./state.ts";
import { type Tree } from "./tree.ts";

type Color = "writes" | "counts" | "frames";

/** Where the stages stand, and what goes through them. */
const PLACES: Record<string, { column: keyof Tree["columns"]; shift: number; color: Color; lane: "above" | "below" }> = {
  batches: { column: "toProcessors", shift: 0, color: "writes", lane: "above" },
  commits: { column: "processor", shift: 0, color: "writes", lane: "above" },
  tallies: { column: "toRoot", shift: 0, color: "counts", lane: "above" },
  counts: { column: "root", shift: 0, color: "counts", lane: "above" },
  reports: { column: "root", shift: 0, color: "frames", lane: "below" },
  spread: { column: "toProcessors", shift: 0, color: "frames", lane: "below" },
  fanout: { column: "toNodes", shift: 0, color: "frames", lane: "below" },
};

export function Factors({ latest: { flow, stages }, tree }: { latest: Latest; tree: Tree }) {
  const { columns, lanes } = tree;
  return (
    <g id="factors">
      <Total x={columns.viewers} y={lanes.above} color="writes" value={flow.writes} words="writes a second" />
      {stages.map((stage) => {
        const place = PLACES[stage.key];
        if (!place) return null;
        return <Factor key={stage.key} stage={stage} x={columns[place.column] + place.shift} y={lanes[place.lane]} color={place.color} />;
      })}
      <Total x={columns.viewers} y={lanes.below} color="frames" value={flow.deliveries} words="deliveries a second" />
    </g>
  );
}

function Factor({ stage, x, y, color }: { stage: Stage; x: number; y: number; color: Color }) {
  const { key, narrows, into, out, words } = stage;
  return (
    <g class={`factor ${color}`} data-stage={key} data-factor={stage.factor ?? ""} transform={`translate(${x} ${y})`}>
      <text class="large" y={34}>{narrows ? "÷" : "×"} {factor(stage.factor)}</text>
      <text class="words" y={52}>{words}</text>
      <text class="small" y={68}>{rate(into)}/s → {rate(out)}/s</text>
    </g>
  );
}

function Total({ x, y, color, value, words }: { x: number; y: number; color: Color; value: number | null; words: string }) {
  return (
    <g class={`factor ${color}`} transform={`translate(${x} ${y})`}>
      <text class="large" y={34}>{rate(value)}</text>
      <text class="words" y={52}>{words}</text>
    </g>
  );
}
