// What happened between two samples, in sentences.
//
// Between the samples and the list of events and the alarms. Invariant: a node that went away is told of once, and its
// return once; nothing is said of what was so before the page was opened.

import { count, milliseconds } from "./format.ts";
import { beganAnew } from "./rates.ts";
import { type Node, type Sample } from "./sample.ts";

/** How an event is to be taken. */
export type Tone = "good" | "bad" | "plain";

/** One line of the list. */
export interface Event {
  readonly at: number;
  /** The node it is about, null for the cluster. */
  readonly node: string | null;
  readonly tone: Tone;
  readonly text: string;
}

/** A node that is away, or back but not ready yet. */
export interface Away {
  /** Null: since before the page was opened, and no heartbeat says when. */
  readonly since: number | null;
}

/** What must be remembered from sample to sample. */
export interface Memory {
  readonly away: ReadonlyMap<string, Away>;
}

/** What the first sample tells: who is away, and since when where its last heartbeat says so. */
export function remember(sample: Sample): Memory {
  const away = sample.nodes.filter((node) => node.state !== "alive");
  return { away: new Map(away.map((node) => [node.name, { since: lastBeat(node, sample.at) }])) };
}

/**
 * Tells what changed from one sample to the next. Where another node has answered, which may have gathered its figures
 * earlier, counters say nothing: `sameSource` is false.
 */
export function follow(memory: Memory, before: Sample, after: Sample, sameSource = true): { memory: Memory; events: Event[] } {
  const away = new Map(memory.away);
  const past = new Map(before.nodes.map((node) => [node.name, node]));
  const events = after.nodes.flatMap((node) => {
    const was = past.get(node.name);
    if (was) return ofNode(was, node, away, { at: after.at, sameSource });
    return [event(after.at, node, "plain", `${node.name} joined, a ${node.role}`)];
  });
  return { memory: { away }, events: [...events, ...ofMap(before, after), ...ofPlaces(before, after)] };
}

interface When {
  readonly at: number;
  readonly sameSource: boolean;
}

function ofNode(was: Node, node: Node, away: Map<string, Away>, when: When): Event[] {
  const { at } = when;
  const gone = away.get(node.name);
  if (node.state === "dead") {
    if (was.state === "dead") return [];
    away.set(node.name, { since: gone?.since ?? lastBeat(node, at) ?? at });
    return [event(at, node, "bad", `${node.name} died${meaning(node)}`)];
  }
  if (node.state === "silent") {
    if (was.state !== "alive") return [];
    away.set(node.name, { since: gone?.since ?? lastBeat(node, at) ?? at });
    return [event(at, node, "bad", `${node.name} is silent: no heartbeat for ${milliseconds(node.silentMs)}`)];
  }
  return alive(was, node, away, when);
}

function alive(was: Node, node: Node, away: Map<string, Away>, { at, sameSource }: When): Event[] {
  const gone = away.get(node.name);
  const told: Event[] = [];
  if (was.state === "dead") told.push(event(at, node, "plain", `${node.name} has started again`));
  else if (was.state === "alive" && sameSource && restarted(was, node)) {
    told.push(event(at, node, "bad", `${node.name} began anew between two answers`));
  }
  if (was.state !== "alive" && !gone) away.set(node.name, { since: null });
  const back = away.get(node.name);
  if (back && node.ready === true) {
    away.delete(node.name);
    told.push(event(at, node, "good", returned(node, back.since === null ? null : at - back.since)));
  }
  return told;
}

function lastBeat(node: Node, at: number): number | null {
  const ago = node.beatMs ?? node.silentMs;
  return ago === null ? null : at - ago;
}

/** A merger's counters also begin anew when it becomes the root: that is told as such. */
function restarted(was: Node, node: Node): boolean {
  return node.role !== "merger" && was.figures !== null && node.figures !== null && beganAnew(was, node);
}

/** What a death means for viewers. */
function meaning(node: Node): string {
  if (node.role === "processor" && node.slots !== null) {
    return `: its ${count(node.slots)} slots are unavailable, writes to them are refused with a time to retry`;
  }
  return node.role === "broadcast" ? ": its viewers go to other nodes" : "";
}

function returned(node: Node, awayMs: number | null): string {
  const after = awayMs === null ? "" : ` after ${milliseconds(Math.max(0, awayMs))}`;
  if (node.role === "processor") return `${node.name} is back: its ${count(node.slots)} slots are available again${after}`;
  return `${node.name} is back${after}`;
}

function ofMap(before: Sample, after: Sample): Event[] {
  const told: Event[] = [];
  const tell = (node: string | null, tone: Tone, text: string) => told.push({ at: after.at, node, tone, text });
  const { root } = after;
  const rootMoved = root !== null && (root.node !== before.root?.node || root.epoch !== before.root.epoch);
  if (rootMoved) tell(root.node, "good", `${root.node} became the root (epoch ${root.epoch})`);
  else if (!root && before.root) tell(null, "bad", "there is no root");
  if (after.mapEpoch !== before.mapEpoch && !rootMoved) tell(null, "plain", `the map has epoch ${after.mapEpoch}`);
  return told;
}

/** Slots that moved, and nodes that take their frames from elsewhere; that all follow a new root need not be told. */
function ofPlaces(before: Sample, after: Sample): Event[] {
  const past = new Map(before.nodes.map((node) => [node.name, node]));
  const isMerger = (name: string) => past.get(name)?.role === "merger";
  return after.nodes.flatMap((node) => {
    const was = past.get(node.name);
    if (was && was.slots !== null && node.slots !== null && was.slots !== node.slots) {
      return [event(after.at, node, "plain", `${node.name} owns ${count(node.slots)} slots now, before ${count(was.slots)}`)];
    }
    if (!was?.fedBy || !node.fedBy || was.fedBy === node.fedBy || (isMerger(was.fedBy) && isMerger(node.fedBy))) return [];
    return [event(after.at, node, "plain", `${node.name} takes its frames from ${node.fedBy} now, before from ${was.fedBy}`)];
  });
}

function event(at: number, node: Node, tone: Tone, text: string): Event {
  return { at, node: node.name, tone, text };
}
