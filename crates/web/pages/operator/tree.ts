// Where the nodes of the tree are drawn: a chip for each, in columns.
//
//   viewers | broadcast nodes, deeper levels to the left | processors | root       writes and counts run right on top,
//           ------------------------------------------------------------          frames run back to the left below.
//
// Between a sample with its flow and the drawing, which only puts shapes where this says. Invariant: nothing lies outside of
// `width` and `height`, and no two chips overlap.

import { type Box, type Chip, place, type Size, sizeFor, stack } from "./chips.ts";
import { type Flow } from "./flow.ts";
import { type NodeRates } from "./rates.ts";
import { type Node, ofRole, type Sample } from "./sample.ts";
import { type Boxes, RETURN, type Stream, streams } from "./streams.ts";

/** All of it. */
export interface Tree {
  readonly width: number;
  readonly height: number;
  readonly crowd: Box;
  readonly groups: readonly { readonly title: string; readonly words: string; readonly box: Box }[];
  /** In an order that never changes, wherever they stand: Chromium forgets to restyle elements that are moved. */
  readonly chips: readonly Chip[];
  readonly streams: readonly Stream[];
  /** The middle of each column and gap, where the lanes above and below write. */
  readonly columns: Columns;
  readonly lanes: { readonly above: number; readonly below: number };
}

/** See `Tree`. */
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
const GAP_X = 205;
const CROWD = { width: 118, gap: 190 };
const HEIGHT_MIN = 264;
/** Between two levels of broadcast nodes. */
const LEVEL_GAP = 70;

/** Lays a cluster out. */
export function tree(sample: Sample, flow: Flow, rates: ReadonlyMap<string, NodeRates>): Tree {
  const { boxes, broadcast, processors, mergers, inner } = columns(sample);
  const root = mergers.find((chip) => isRoot(chip.node, sample)) ?? null;
  return {
    width: boxes.root.x + boxes.root.width + MARGIN,
    height: LANE + TITLE + inner + RETURN + LANE - MARGIN,
    crowd: boxes.crowd,
    chips: [...broadcast.flat(), ...processors, ...mergers].sort((a, b) => a.node.name.localeCompare(b.node.name)),
    groups: [
      { title: "viewers", words: "write and watch", box: boxes.crowd },
      { title: "broadcast nodes", words: "gather writes, hand frames on", box: boxes.broadcast },
      { title: "write processors", words: "make them durable, count likes", box: boxes.processor },
      { title: "root merger", words: "makes one view of all counts", box: boxes.root },
    ],
    streams: streams({ boxes, broadcast, processors, root, flow, rates }),
    columns: middles(boxes),
    lanes: { above: 0, below: LANE + TITLE + inner + RETURN },
  };
}

interface Standing {
  readonly boxes: Boxes;
  readonly broadcast: Chip[][];
  readonly processors: Chip[];
  readonly mergers: Chip[];
  /** How high the columns are. */
  readonly inner: number;
}

/** Where the columns are, with their chips; levels of broadcast nodes from the root on. */
function columns(sample: Sample): Standing {
  const found = levelsOf(ofRole(sample, "broadcast"));
  const levels = found.length === 0 ? [[]] : found;
  // The root last: what it makes leaves below it.
  const mergers = ofRole(sample, "merger").sort((a, b) => Number(isRoot(a, sample)) - Number(isRoot(b, sample)));
  const columns = [...levels.toReversed(), ofRole(sample, "processor"), mergers];
  const ofBroadcast = sizeFor(Math.max(0, ...levels.map((level) => level.length)), levels.length);
  const sizes: Size[] = columns.map((nodes, i) => (i < levels.length ? ofBroadcast : sizeFor(nodes.length, 1)));
  const inner = Math.max(HEIGHT_MIN, ...columns.map((nodes, i) => stack(nodes, sizes[i] ?? "small").height));

  const y = LANE + TITLE;
  const crowd = { x: MARGIN, y, width: CROWD.width, height: inner };
  const begin = crowd.x + crowd.width + CROWD.gap;
  let x = begin;
  const placed = columns.map((nodes, i) => {
    const { chips, width } = place(nodes, sizes[i] ?? "small", x, y, inner);
    const box = { x, y, width, height: inner };
    x += width + (i + 1 < levels.length ? LEVEL_GAP : GAP_X);
    return { chips, box };
  });
  const [processor, root] = placed.slice(-2).map(({ box }) => box) as [Box, Box];
  const broadcast = { x: begin, y, width: processor.x - GAP_X - begin, height: inner };
  const [owners, merging] = placed.slice(-2).map(({ chips }) => chips) as [Chip[], Chip[]];
  const nodes = placed.slice(0, -2).map(({ chips }) => chips).toReversed();
  return { boxes: { crowd, broadcast, processor, root }, broadcast: nodes, processors: owners, mergers: merging, inner };
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

function middles({ crowd, broadcast, processor, root }: Boxes): Columns {
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
