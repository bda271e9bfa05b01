// The reduction factor of every stage, large, where the stage is: the lane above the tree, and the lane below for the way back.
//
// In the drawing. Invariant: a factor is shown with what goes in and what comes out, so that it can be checked.

import { compact, factor, rate } from "./format.ts";
import { type Stage } from "./flow.ts";
import { type Latest } from "./state.ts";
import { type Tree } from "./tree.ts";

/** From here on a number is shortened: its column has no room for six digits. */
const LONG = 100_000;

type Color = "writes" | "counts" | "frames";

/** Where the stages stand, and what goes through them. */
const PLACES: Record<string, { column: keyof Tree["columns"]; color: Color; lane: "above" | "below" }> = {
  batches: { column: "toProcessors", color: "writes", lane: "above" },
  commits: { column: "processor", color: "writes", lane: "above" },
  tallies: { column: "toRoot", color: "counts", lane: "above" },
  counts: { column: "root", color: "counts", lane: "above" },
  reports: { column: "root", color: "frames", lane: "below" },
  spread: { column: "toProcessors", color: "frames", lane: "below" },
  fanout: { column: "toNodes", color: "frames", lane: "below" },
};

export function Factors({ latest: { flow, stages }, tree }: { latest: Latest; tree: Tree }) {
  const { columns, lanes } = tree;
  return (
    <g id="factors">
      <Total x={columns.viewers} y={lanes.above} color="writes" value={flow.writes} words="writes a second" />
      {stages.map((stage) => {
        const place = PLACES[stage.key];
        if (!place) return null;
        return <Factor key={stage.key} stage={stage} x={columns[place.column]} y={lanes[place.lane]} color={place.color} />;
      })}
      <Total x={columns.toRoot} y={lanes.below} color="frames" value={flow.frames} words="frames a second" />
      <Total x={columns.viewers} y={lanes.below} color="frames" value={flow.deliveries} words="deliveries a second" />
    </g>
  );
}

function Factor({ stage, x, y, color }: { stage: Stage; x: number; y: number; color: Color }) {
  const { key, narrows, into, out, words, carried } = stage;
  return (
    <g class={`factor ${color}`} data-stage={key} data-factor={stage.factor ?? ""} transform={`translate(${x} ${y})`}>
      <text class="large" y={34}>{narrows ? "÷" : "×"} {factor(stage.factor)}</text>
      <text class="words" y={52}>{words}</text>
      <text class="small" y={68}>{compact(into, LONG)}/s → {compact(out, LONG)}/s</text>
      {carried === null ? null : <text class="small" y={84}>in {rate(carried.perS)} {carried.words}/s</text>}
    </g>
  );
}

function Total({ x, y, color, value, words }: { x: number; y: number; color: Color; value: number | null; words: string }) {
  return (
    <g class={`factor ${color}`} transform={`translate(${x} ${y})`}>
      <text class="large" y={34}>{compact(value, LONG)}</text>
      <text class="words" y={52}>{words}</text>
    </g>
  );
}
