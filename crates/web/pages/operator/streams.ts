// What flows between the columns of the tree: a line for each node, and rivers where all lines have come together.
//
// Between the places of the nodes (`tree.ts`) and the drawing. Invariant: every width is the logarithm of a measured rate; what
// flows to or from a dead node is broken.

import { type Box, type Chip, SIZES } from "./chips.ts";
import { type Flow } from "./flow.ts";
import { type NodeRates } from "./rates.ts";

/** What travels. */
export type Kind = "writes" | "counts" | "frames";

/** A line from one place to another, or a river that changes its width. */
export interface Stream {
  readonly key: string;
  readonly kind: Kind;
  /** An SVG path: of a line along its middle, of a river around it. */
  readonly path: string;
  /** Null: a river, which is filled. */
  readonly stroke: number | null;
  /** Whether one of its ends is dead. */
  readonly broken: boolean;
  /** Where it says which way it flows. */
  readonly chevrons: readonly Chevron[];
}

/** The tip of an arrow in a river. */
export interface Chevron {
  readonly x: number;
  readonly y: number;
  readonly left: boolean;
}

/** How high the lane is in which frames flow back. */
export const RETURN = 30;
/** Rivers: the thinnest, and how much is added for ten times as much. */
const RIVER = { min: 2, perDecade: 14 };
const LINE = { min: 1.25, perDecade: 1.6 };

/** The columns. */
export interface Boxes {
  readonly crowd: Box;
  readonly broadcast: Box;
  readonly processor: Box;
  readonly root: Box;
}

/** What is drawn of. */
export interface Drawn {
  readonly boxes: Boxes;
  readonly broadcast: readonly Chip[][];
  readonly processors: readonly Chip[];
  readonly root: Chip | null;
  readonly flow: Flow;
  readonly rates: ReadonlyMap<string, NodeRates>;
}

/** All lines and rivers, those beneath first. */
export function streams(drawn: Drawn): Stream[] {
  const { boxes, flow, broadcast } = drawn;
  const up = boxes.crowd.y + boxes.crowd.height * 0.36;
  const down = boxes.crowd.y + boxes.crowd.height + RETURN / 2;
  const [first, second] = [inGap(boxes.broadcast, boxes.processor), inGap(boxes.processor, boxes.root)];
  const rivers = [
    river("writes up", "writes", [first.from, up, flow.writes], [first.to, up, flow.batches]),
    river("counts up", "counts", [second.from, up, flow.talliesUp], [second.to, up, flow.reports]),
    drawn.root && homeward(drawn.root, boxes, down, flow),
  ].filter((stream) => stream !== null);
  const lines = [...writeLines(drawn, first, up), ...countLines(drawn, second, up), ...frameLines(drawn, broadcast, first.from, down)];
  // In an order that never changes, as the chips.
  return [...rivers, ...lines.sort((a, b) => a.key.localeCompare(b.key))];
}

/** Where a river begins and ends in a gap; on both sides lines come together. */
function inGap(left: Box, right: Box): { from: number; to: number } {
  const [a, b] = [left.x + left.width, right.x];
  return { from: a + (b - a) * 0.27, to: a + (b - a) * 0.73 };
}

function writeLines({ boxes, broadcast, processors, rates, flow }: Drawn, river: { from: number; to: number }, up: number): Stream[] {
  const right = boxes.crowd.x + boxes.crowd.width;
  const block = boxes.broadcast;
  const out = bundled(broadcast) ? [
    band("writes in", "writes", [right, up, flow.writes], [block.x, up, flow.writes]),
    band("writes out", "writes", [block.x + block.width, up, flow.writes], [river.from, up, flow.writes]),
  ] : broadcast.flat().flatMap((chip) => {
    const perS = rates.get(chip.node.name)?.perS("writes_in");
    const y = chip.y + chip.height * 0.34;
    return [
      line(`in ${chip.node.name}`, "writes", [right, y], [chip.x, y], perS, [chip]),
      line(`out ${chip.node.name}`, "writes", [chip.x + chip.width, y], [river.from, up], perS, [chip]),
    ];
  });
  const owned = processors.map((chip) => {
    const perS = rates.get(chip.node.name)?.perS("writes_in");
    return line(`to ${chip.node.name}`, "writes", [river.to, up], [chip.x, chip.y + chip.height / 2], perS, [chip]);
  });
  return [...out, ...owned];
}

function countLines({ processors, root, rates }: Drawn, river: { from: number; to: number }, up: number): Stream[] {
  const out = processors.map((chip) => {
    const perS = rates.get(chip.node.name)?.perS("tallies_out");
    return line(`counts ${chip.node.name}`, "counts", [chip.x + chip.width, chip.y + chip.height / 2], [river.from, up], perS, [chip]);
  });
  if (!root) return out;
  const perS = rates.get(root.node.name)?.perS("reports_in");
  return [...out, line("counts to the root", "counts", [river.to, up], [root.x, root.y + root.height / 2], perS, [root])];
}

/** From the river of frames to the nodes that the root feeds, from these to the nodes below them, and from all to viewers. */
function frameLines({ boxes, rates, flow }: Drawn, levels: readonly Chip[][], from: number, down: number): Stream[] {
  const right = boxes.crowd.x + boxes.crowd.width;
  const byName = new Map(levels.flat().map((chip) => [chip.node.name, chip]));
  if (bundled(levels)) {
    const block = boxes.broadcast;
    const seen = block.y + block.height * 0.7;
    return [
      band("frames in", "frames", [from, down, flow.framesToNodes], [block.x + block.width, seen, flow.framesToNodes]),
      band("frames seen", "frames", [block.x, seen, flow.deliveries], [right, seen, flow.deliveries]),
    ];
  }
  return levels.flat().flatMap((chip) => {
    const y = chip.y + chip.height * 0.72;
    const above = chip.node.fedBy === null ? undefined : byName.get(chip.node.fedBy);
    const rate = rates.get(chip.node.name);
    const source: [number, number] = above ? [above.x, above.y + above.height * 0.72] : [from, down];
    return [
      line(`fed ${chip.node.name}`, "frames", source, [chip.x + chip.width, y], rate?.perS("frames_in"), above ? [chip, above] : [chip]),
      line(`seen ${chip.node.name}`, "frames", [chip.x, y], [right, y], rate?.perS("frames_written"), [chip]),
    ];
  });
}

/** The frames of the root, on their way back beneath the processors. */
function homeward(root: Chip, boxes: Boxes, down: number, flow: Flow): Stream {
  const x = root.x + root.width / 2;
  const { from } = inGap(boxes.broadcast, boxes.processor);
  const [thin, wide] = [riverWidth(flow.frames) / 2, riverWidth(flow.framesToNodes) / 2];
  const bend = 24;
  const path = [
    `M${x - thin} ${root.y + root.height}`,
    `V${down - bend} Q${x - thin} ${down - thin} ${x - thin - bend} ${down - thin}`,
    `C${(x + from) / 2} ${down - thin} ${(x + from) / 2} ${down - wide} ${from} ${down - wide}`,
    `V${down + wide}`,
    `C${(x + from) / 2} ${down + wide} ${(x + from) / 2} ${down + thin} ${x - bend} ${down + thin}`,
    `Q${x + thin} ${down + thin} ${x + thin} ${down - bend} V${root.y + root.height} Z`,
  ].join(" ");
  const broken = root.node.state === "dead";
  return { key: "frames down", kind: "frames", path, stroke: null, broken, chevrons: chevrons(from + 30, x - 60, down, true) };
}

/** Whether there are too many broadcast nodes for lines of their own: then one goes to all of them and one away. */
function bundled(levels: readonly Chip[][]): boolean {
  return levels.some((level) => level.length > SIZES.small.rows);
}

/** A river without chevrons. */
function band(key: string, kind: Kind, from: End, to: End): Stream {
  return { ...river(key, kind, from, to), chevrons: [] };
}

type End = readonly [x: number, y: number, perS: number | null];

function river(key: string, kind: Kind, [x0, y0, in0]: End, [x1, y1, in1]: End): Stream {
  const [a, b] = [riverWidth(in0) / 2, riverWidth(in1) / 2];
  const m = (x0 + x1) / 2;
  const path = `M${x0} ${y0 - a} C${m} ${y0 - a} ${m} ${y1 - b} ${x1} ${y1 - b} V${y1 + b} C${m} ${y1 + b} ${m} ${y0 + a} ${x0} ${y0 + a} Z`;
  return { key, kind, path, stroke: null, broken: false, chevrons: chevrons(x0 + 8, x1 - 8, y0, false) };
}

function line(
  key: string, kind: Kind, [x0, y0]: readonly [number, number], [x1, y1]: readonly [number, number],
  perS: number | null | undefined, ends: readonly Chip[],
): Stream {
  const m = (x0 + x1) / 2;
  const broken = ends.some((chip) => chip.node.state === "dead");
  return { key, kind, path: `M${x0} ${y0} C${m} ${y0} ${m} ${y1} ${x1} ${y1}`, stroke: lineWidth(perS), broken, chevrons: [] };
}

/** One about every 60, from one end to the other. */
function chevrons(from: number, to: number, y: number, left: boolean): Chevron[] {
  const many = Math.max(2, Math.round((to - from) / 60));
  return Array.from({ length: many }, (_, i) => ({ x: from + ((i + 0.5) * (to - from)) / many, y, left }));
}

/** How wide a river is: as the logarithm of what it carries. */
export function riverWidth(perS: number | null): number {
  return RIVER.min + RIVER.perDecade * Math.log10(1 + Math.max(0, perS ?? 0));
}

function lineWidth(perS: number | null | undefined): number {
  return LINE.min + LINE.perDecade * Math.log10(1 + Math.max(0, perS ?? 0));
}
