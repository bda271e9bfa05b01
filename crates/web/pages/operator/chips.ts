// Nodes as chips: how large they are, and where each stands in its column.
//
// Beneath the tree. Invariant: the chips of a column do not overlap, and stand in as few rows side by side as they need.

import { type Node } from "./sample.ts";

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

/** Sizes of chips, and how many stand below each other; of the smallest, more stand side by side. */
export const SIZES: Record<Size, { width: number; height: number; gap: number; rows: number }> = {
  large: { width: 176, height: 66, gap: 12, rows: 5 },
  middle: { width: 150, height: 40, gap: 8, rows: 10 },
  small: { width: 92, height: 24, gap: 4, rows: 15 },
};

/** The largest size at which so many nodes in so many levels find room. */
export function sizeFor(nodes: number, levels: number): Size {
  if (nodes <= SIZES.large.rows && levels <= 2) return "large";
  return nodes <= SIZES.middle.rows && levels <= 3 ? "middle" : "small";
}

/** How much room chips take together. */
export function stack(nodes: readonly Node[], size: Size): { width: number; height: number } {
  const { width, height, gap, rows } = SIZES[size];
  const columns = Math.max(1, Math.ceil(nodes.length / rows));
  const inColumn = Math.ceil(nodes.length / columns);
  return { width: columns * (width + gap) - gap, height: Math.max(0, inColumn * (height + gap) - gap) };
}

/** Puts chips into as few columns as they need, in the middle of the height there is. */
export function place(nodes: readonly Node[], size: Size, x: number, top: number, inner: number): { chips: Chip[]; width: number } {
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
