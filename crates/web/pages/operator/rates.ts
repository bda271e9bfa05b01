// What each node did a second: differences of its counters between two samples, by the server's own time.
//
// Between samples and all that is drawn of them. Invariant: no rate is negative; a node that began anew between two samples
// has a past that starts after that.

import { type Node, type Role, type Sample } from "./sample.ts";

/** Counters that grow while a node of the role does anything: if one of them fell, the node has begun anew. */
const WITNESSES: Record<Role, readonly string[]> = {
  broadcast: ["uptime_s", "frames_written", "frames_in", "writes_in", "messages_in", "joined"],
  processor: ["uptime_s", "writes_in", "commits", "reports_out"],
  // A merger's counters begin anew with each of its terms as the root.
  merger: ["uptime_s", "frames_out", "reports_in", "tallies_in"],
};

/** What one node did between two samples. */
export interface NodeRates {
  readonly seconds: number;
  /** How much a counter grew a second; null where the node does not count it. */
  perS(counter: string): number | null;
  /** How much one counter grew while another grew by one; null where the other did not. */
  perOne(counter: string, other: string): number | null;
}

/**
 * The rates of every node that has any, over the samples given, oldest first, or as much of them as the node has answered
 * without a break and without beginning anew.
 */
export function rates(samples: readonly Sample[]): ReadonlyMap<string, NodeRates> {
  const newest = samples.at(-1);
  const found = new Map<string, NodeRates>();
  for (const node of newest?.nodes ?? []) {
    const rate = ratesOf(node.name, samples);
    if (rate) found.set(node.name, rate);
  }
  return found;
}

function ratesOf(name: string, samples: readonly Sample[]): NodeRates | null {
  let first: { at: number; node: Node } | null = null;
  let last: { at: number; node: Node } | null = null;
  for (const sample of samples.toReversed()) {
    const node = sample.nodes.find((node) => node.name === name);
    if (!node?.figures) break;
    if (first && (sample.at >= first.at || beganAnew(node, first.node))) break;
    first = { at: sample.at, node };
    last ??= first;
  }
  return first && last && first !== last ? between(first.node, last.node, (last.at - first.at) / 1000) : null;
}

/** Whether a node's process, or its term as the root, is another one in the second sample. */
export function beganAnew(before: Node, after: Node): boolean {
  return WITNESSES[after.role].some((name) => (after.figures?.[name] ?? 0) < (before.figures?.[name] ?? 0));
}

function between(before: Node, after: Node, seconds: number): NodeRates {
  const growth = (counter: string): number | null => {
    const now = after.figures?.[counter];
    return now === undefined ? null : Math.max(0, now - (before.figures?.[counter] ?? 0));
  };
  return {
    seconds,
    perS: (counter) => {
      const grown = growth(counter);
      return grown === null ? null : grown / seconds;
    },
    perOne: (counter, other) => {
      const [over, under] = [growth(counter), growth(other)];
      return over === null || !under ? null : over / under;
    },
  };
}
