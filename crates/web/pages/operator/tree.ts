// Where everything of the tree is drawn: chips of nodes, the edges between them, the rivers between stages.
//
//   viewers | broadcast nodes, deeper levels to the left | processors | root       writes and counts run right on top,
//           ------------------------------------------------------------          frames run back to the left below.
//
// Between a sample with its flow and the drawing, which only puts shapes where this says. Invariant: nothing lies outside of
// `width` and `height`, and no two chips overlap.

import { type Flow } from "./flow.ts";
import { type NodeRates } from "./rates.ts";
import { type Node, ofRole, type Sample } from "./sample.ts";

/** A rectangle. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** How much a chip has room for: three lines, two, or its name and one number. */
export type Size = "large" | "middle" | "small";

/** One node. */
export interface Chip extends Box {
  readonly node: Node;
  readonly size: Size;
}

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

/** All of it. */
export interface Tree {
  readonly width: number;
  readonly height: number;
  readonly crowd: Box;
  readonly groups: readonly { readonly title: string; readonly words: string; readonly box: Box }[];
  readonly chips: readonly Chip[];
  readonly streams: readonly Stream[];
  /** The middle of each column and gap, where the lanes above and below write. */
  readonly columns: Columns;
  readonly lanes: { readonly above: number; readonly below: number };
}

export interface Columns {
  readonly viewers: number;
  readonly toNodes: number;
  readonly broadcast: number;
  readonly toProcessors: number;
  readonly processor: number;
  readonly toRoot: number;
  readonly root: number;
}

const MARGIN = 16;
/** The lane of factors above, that below, and the titles. */
const LANE = 92;
const TITLE = 40;
/** Where frames flow back. */
const RETURN = 30;
const GAP_X = 205;
const CROWD = { width: 118, gap: 190 };
const HEIGHT_MIN = 264;
const SIZES: Record<Size, { width: number; height: number; gap: number; rows: number }> = {
  large: { width: 176, height: 66, gap: 12, rows: 5 },
  middle: { width: 150, height: 40, gap: 8, rows: 10 },
  small: { width: 92, height: 24, gap: 4, rows: 15 },
};
/** Rivers: the thinnest, and how much is added for ten times as much. */
const RIVER = { min: 2, perDecade: 14 };
const LINE = { min: 1.25, perDecade: 1.6 };

/** Lays a cluster out. */
export function tree(sample: Sample, flow: Flow, rates: ReadonlyMap<string, NodeRates>): Tree {
  const levels = levelsOf(ofRole(sample, "broadcast"));
  const processors = ofRole(sample, "processor");
  // The root last: what it makes leaves below it.
  const mergers = ofRole(sample, "merger").sort((a, b) => Number(isRoot(a, sample)) - Number(isRoot(b, sample)));
  const sizes = {
    broadcast: sizeFor(Math.max(0, ...levels.map((level) => level.length)), levels.length),
    processor: sizeFor(processors.length, 1),
    merger: sizeFor(mergers.length, 1),
  };
  const tallest = [...levels.map((level) => stack(level, sizes.broadcast)), stack(processors, sizes.processor), stack(mergers, sizes.merger)];
  const inner = Math.max(HEIGHT_MIN, ...tallest.map((box) => box.height));
  const top = LANE + TITLE;

  let x = MARGIN;
  const crowd = { x, y: top, width: CROWD.width, height: inner };
  x += CROWD.width + CROWD.gap;
  const broadcast: Chip[][] = [];
  for (const level of levels.toReversed()) {
    const placed = place(level, sizes.broadcast, x, top, inner);
    broadcast.unshift(placed.chips);
    x += placed.width + (level === levels[0] ? 0 : 70);
  }
  const broadcastBox = { x: crowd.x + crowd.width + CROWD.gap, y: top, width: x - crowd.x - crowd.width - CROWD.gap, height: inner };
  x += GAP_X;
  const owners = place(processors, sizes.processor, x, top, inner);
  const processorBox = { x, y: top, width: owners.width, height: inner };
  x += owners.width + GAP_X;
  const merging = place(mergers, sizes.merger, x, top, inner);
  const rootBox = { x, y: top, width: merging.width, height: inner };
  const width = x + merging.width + MARGIN;
  const height = top + inner + RETURN + LANE - 16;

  const chips = [...broadcast.flat(), ...owners.chips, ...merging.chips];
  const boxes = { crowd, broadcast: broadcastBox, processor: processorBox, root: rootBox };
  const root = merging.chips.find((chip) => isRoot(chip.node, sample)) ?? null;
  return {
    width, height, crowd, chips,
    groups: [
      { title: "viewers", words: "write and watch", box: crowd },
      { title: "broadcast nodes", words: "gather writes, hand frames on", box: broadcastBox },
      { title: "write processors", words: "make them durable, count likes", box: processorBox },
      { title: "root merger", words: "makes one view of all counts", box: rootBox },
    ],
    streams: streams({ boxes, broadcast, processors: owners.chips, root, flow, rates }),
    columns: columnsOf(boxes),
    lanes: { above: 0, below: top + inner + RETURN },
  };
}

/** Whether a merger is the root. */
export function isRoot(node: Node, sample: Sample): boolean {
  return sample.root?.node === node.name;
}

/** Broadcast nodes by how many others their frames pass before them: those fed by the root first. */
export function levelsOf(nodes: readonly Node[]): Node[][] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const depth = (node: Node, seen: number): number => {
    const above = node.fedBy === null ? undefined : byName.get(node.fedBy);
    // A node that was told of one above it while that one was told of it: no deeper than there are nodes.
    return above === undefined || seen >= nodes.length ? 0 : 1 + depth(above, seen + 1);
  };
  const levels: Node[][] = [];
  for (const node of nodes) (levels[depth(node, 0)] ??= []).push(node);
  return levels.filter((level) => level !== undefined);
}

/** How wide a river is: as the logarithm of what it carries. */
export function riverWidth(perS: number | null): number {
  return RIVER.min + RIVER.perDecade * Math.log10(1 + Math.max(0, perS ?? 0));
}

function lineWidth(perS: number | null | undefined): number {
  return LINE.min + LINE.perDecade * Math.log10(1 + Math.max(0, perS ?? 0));
}

function sizeFor(nodes: number, levels: number): Size {
  if (nodes <= SIZES.large.rows && levels <= 2) return "large";
  return nodes <= SIZES.middle.rows && levels <= 3 ? "middle" : "small";
}

function stack(nodes: readonly Node[], size: Size): { width: number; height: number } {
  const { width, height, gap, rows } = SIZES[size];
  const columns = Math.max(1, Math.ceil(nodes.length / rows));
  const inColumn = Math.ceil(nodes.length / columns);
  return { width: columns * (width + gap) - gap, height: Math.max(0, inColumn * (height + gap) - gap) };
}

/** Puts chips into as few columns as they need, in the middle of the height there is. */
function place(nodes: readonly Node[], size: Size, x: number, top: number, inner: number): { chips: Chip[]; width: number } {
  const { width, height, gap, rows } = SIZES[size];
  const whole = stack(nodes, size);
  const columns = Math.max(1, Math.ceil(nodes.length / rows));
  const inColumn = Math.max(1, Math.ceil(nodes.length / columns));
  const y = top + (inner - whole.height) / 2;
  const chips = nodes.map((node, i) => ({
    node, size, width, height,
    x: x + Math.floor(i / inColumn) * (width + gap),
    y: y + (i % inColumn) * (height + gap),
  }));
  return { chips, width: whole.width };
}

interface Boxes {
  readonly crowd: Box;
  readonly broadcast: Box;
  readonly processor: Box;
  readonly root: Box;
}

function columnsOf({ crowd, broadcast, processor, root }: Boxes): Columns {
  const middle = (box: Box) => box.x + box.width / 2;
  const between = (left: Box, right: Box) => (left.x + left.width + right.x) / 2;
  return {
    viewers: middle(crowd),
    toNodes: between(crowd, broadcast),
    broadcast: middle(broadcast),
    toProcessors: between(broadcast, processor),
    processor: middle(processor),
    toRoot: between(processor, root),
    root: middle(root),
  };
}

interface Drawn {
  readonly boxes: Boxes;
  readonly broadcast: readonly Chip[][];
  readonly processors: readonly Chip[];
  readonly root: Chip | null;
  readonly flow: Flow;
  readonly rates: ReadonlyMap<string, NodeRates>;
}

/** All lines and rivers, those beneath first. */
function streams(drawn: Drawn): Stream[] {
  const { boxes, flow, broadcast } = drawn;
  const up = boxes.crowd.y + boxes.crowd.height * 0.36;
  const down = boxes.crowd.y + boxes.crowd.height + RETURN / 2;
  const [first, second] = [inGap(boxes.broadcast, boxes.processor), inGap(boxes.processor, boxes.root)];
  const rivers = [
    river("writes up", "writes", [first.from, up, flow.writes], [first.to, up, flow.batches]),
    river("counts up", "counts", [second.from, up, flow.talliesUp], [second.to, up, flow.reports]),
    drawn.root && homeward(drawn.root, boxes, down, flow),
  ].filter((stream) => stream !== null);
  return [...rivers, ...writeLines(drawn, first, up), ...countLines(drawn, second, up), ...frameLines(drawn, broadcast, first.from, down)];
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
  return { key: "frames down", kind: "frames", path, stroke: null, broken: root.node.state === "dead", chevrons: chevrons(from + 30, x - 60, down, true) };
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
