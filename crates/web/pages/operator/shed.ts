// What the cluster refused, left out or merged away, by kind: how it stays within its limits.
//
// Between the samples and the table of it. Invariant: nothing is named here that no node counts.

import { type NodeRates } from "./rates.ts";
import { figure, ofRole, type Role, type Sample } from "./sample.ts";

/** One kind of it: who counts it under which name, and what it means to people. */
interface Kind {
  readonly role: Role;
  readonly counter: string;
  readonly words: string;
  /** Whether somebody was told no, rather than served with less. */
  readonly refuses: boolean;
}

const KINDS: readonly Kind[] = [
  refusal("broadcast", "joins_refused", "viewers told when to come again"),
  refusal("broadcast", "joins_full", "viewers who found all nodes full"),
  lesser("broadcast", "joins_sent_on", "viewers sent on to another node"),
  refusal("broadcast", "writes_refused", "writes refused by a busy broadcast node"),
  refusal("broadcast", "writes_rejected", "writes refused, by a broadcast node or an owner"),
  part("broadcast", "writes_unavailable", "writes refused as their owner was away"),
  part("broadcast", "writes_overloaded", "writes refused as too many waited"),
  part("broadcast", "writes_unknown", "writes refused as no answer came in time"),
  refusal("broadcast", "refused_rate_limited", "writes beyond what one viewer may in a minute"),
  refusal("broadcast", "refused_unanswered", "writes with too many of the viewer unanswered"),
  refusal("broadcast", "refused_invalid", "messages refused for what they say"),
  refusal("broadcast", "taps_dropped", "taps dropped of too many streams or kinds"),
  lesser("broadcast", "ranges_written", "frames merged into one, for who is behind"),
  part("broadcast", "samples_written", "merged frames with comments left out and counted"),
  refusal("broadcast", "closed_stalled", "viewers closed who took nothing"),
  refusal("broadcast", "closed_held", "viewers closed who kept too many bytes"),
  refusal("broadcast", "closed_full", "viewers closed while too many waited for a seat"),
  refusal("broadcast", "closed_protocol", "viewers closed who broke the protocol"),
  refusal("processor", "writes_crowded_out", "writes refused for want of memory"),
  refusal("processor", "viewers_turned_away", "likes refused beyond the most viewers"),
  refusal("processor", "commit_disk_full", "commits that found the disk full"),
  lesser("merger", "comments_unshown", "comments left out of frames and counted"),
];

/** One line of the table. */
export interface Shed {
  readonly counter: string;
  readonly words: string;
  readonly refuses: boolean;
  readonly perS: number | null;
  /** Since the nodes started. */
  readonly total: number;
  /** Where most of it was. */
  readonly most: string | null;
}

/** Every kind that some node counts. */
export function sheds(sample: Sample, rates: ReadonlyMap<string, NodeRates>): Shed[] {
  return KINDS.flatMap(({ role, counter, words, refuses }) => {
    const nodes = ofRole(sample, role).filter((node) => figure(node, counter) !== null);
    if (nodes.length === 0) return [];
    const perS = nodes.flatMap((node) => rates.get(node.name)?.perS(counter) ?? []);
    const most = nodes.reduce((a, b) => ((figure(b, counter) ?? 0) > (figure(a, counter) ?? 0) ? b : a));
    const total = nodes.reduce((sum, node) => sum + (figure(node, counter) ?? 0), 0);
    const sum = perS.length === 0 ? null : perS.reduce((a, b) => a + b);
    return [{ counter, words, refuses, perS: sum, total, most: total > 0 ? most.name : null }];
  });
}

/** How many were told no, a second. */
export function refused(sheds: readonly Shed[]): number | null {
  const known = sheds.filter((shed) => shed.refuses).flatMap((shed) => shed.perS ?? []);
  return known.length === 0 ? null : known.reduce((a, b) => a + b);
}

function refusal(role: Role, counter: string, words: string): Kind {
  return { role, counter, words, refuses: true };
}

/** What another kind counts too. */
function part(role: Role, counter: string, words: string): Kind {
  return { role, counter, words, refuses: false };
}

function lesser(role: Role, counter: string, words: string): Kind {
  return { role, counter, words, refuses: false };
}
