// One node in the picture: its name, its state, and what it does a second.
//
// Between the layout and the drawing. Invariant: a node that is not alive says so in a word, not by its colour alone.

import { clock, compact, count, milliseconds } from "./format.ts";
import { type NodeRates } from "./rates.ts";
import { figure, type Node, type Sample } from "./sample.ts";
import { type Chip } from "./chips.ts";
import { isRoot } from "./tree.ts";

interface Shown {
  chip: Chip;
  sample: Sample;
  rates: NodeRates | undefined;
  /** Since when it is away. */
  since: number | null;
}

export function Mark({ chip, sample, rates, since }: Shown) {
  const { node, x, y, width, height, size } = chip;
  const root = isRoot(node, sample);
  const lines = node.state === "alive" ? working(node, rates, root) : away(node, since);
  const shown = { large: 2, middle: 1, small: 0 }[size];
  const first = { large: 22, middle: height / 2 - 2, small: height / 2 + 4.5 }[size];
  return (
    <g
      class={`chip ${size}${root ? " root" : ""}`} data-node={node.name} data-state={node.state} data-role={node.role}
      data-ready={node.ready ?? ""} transform={`translate(${x} ${y})`}
    >
      <title>{[`${node.name}, ${node.state}`, ...lines].join(", ")}</title>
      <rect class="body" width={width} height={height} rx={8} />
      <rect class="side" width={5} height={height - 12} x={6} y={6} rx={2.5} />
      <text class="name" x={18} y={first}>{node.name}</text>
      <text class="main" x={width - 10} y={first}>{headline(node, root, size === "small")}</text>
      {lines.slice(0, shown).map((text, i) => (
        <text key={i} class="line" x={18} y={first + (size === "large" ? 18 : 16) + i * 16}>{text}</text>
      ))}
    </g>
  );
}

/** What a node is there for, in one number; or its state. */
function headline(node: Node, root: boolean, isSmall: boolean): string {
  if (node.state !== "alive") return node.state;
  if (node.ready === false) return isSmall ? "unready" : "not ready";
  switch (node.role) {
    case "broadcast": {
      const viewers = figure(node, "viewers");
      return isSmall ? compact(viewers) : `${count(viewers)} viewers`;
    }
    case "processor":
      return isSmall ? count(node.slots) : `${count(node.slots)} slots`;
    case "merger":
      return root ? "root" : "stands by";
  }
}

function working(node: Node, rates: NodeRates | undefined, root: boolean): string[] {
  if (node.figures === null) return ["does not answer", "what it does is not known"];
  const perS = (counter: string) => compact(rates?.perS(counter) ?? null);
  switch (node.role) {
    case "broadcast":
      return [`↑ ${perS("writes_in")} writes/s`, `↓ ${perS("frames_written")} deliveries/s`];
    case "processor": {
      const sync = rates?.perOne("commit_microseconds", "commits") ?? null;
      return [`${perS("writes_in")} writes/s`, `${perS("commits")} syncs/s of ${milliseconds(sync === null ? null : sync / 1000)}`];
    }
    case "merger":
      return root
        ? [`${perS("tallies_in")} counts/s in`, `${perS("tallies_out")} out, ${perS("frames_out")} frames/s`]
        : ["takes over if the", "root dies"];
  }
}

function away(node: Node, since: number | null): string[] {
  const when = since === null ? "" : `since ${clock(since)}`;
  if (node.role === "processor") return [when || "not running", `${count(node.slots)} slots unavailable`];
  return [when || "not running"];
}
