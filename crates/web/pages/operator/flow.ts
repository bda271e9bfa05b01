// What flows through the whole cluster a second, and what each stage makes of it.
//
// Between the rates of nodes and the drawing, the sentence and the plots. Invariant: a figure is null while nobody who counts
// it has answered twice; it is never a guess.

import { type NodeRates } from "./rates.ts";
import { figure, ofRole, type Role, type Sample } from "./sample.ts";

/** Everything a second, but for the viewers who are there and the milliseconds of a sync. */
export interface Flow {
  readonly viewers: number | null;
  /** Comments, likes and deletions that viewers sent. */
  readonly writes: number | null;
  readonly batches: number | null;
  /** The same writes as processors count them. */
  readonly writesOwned: number | null;
  readonly likes: number | null;
  readonly commits: number | null;
  /** The mean time of a commit. */
  readonly commitMs: number | null;
  /** Counts in reports. */
  readonly talliesUp: number | null;
  readonly reports: number | null;
  readonly comments: number | null;
  readonly talliesIn: number | null;
  readonly talliesOut: number | null;
  readonly frames: number | null;
  /** Frames that broadcast nodes received, all together. */
  readonly framesToNodes: number | null;
  /** Writes to viewers' sockets that brought something to see. */
  readonly deliveries: number | null;
  /** Of these, several frames merged for somebody who was behind. */
  readonly merged: number | null;
  readonly bytes: number | null;
}

/** One place that gathers or multiplies. */
export interface Stage {
  readonly key: string;
  /** Whether less comes out than goes in. */
  readonly narrows: boolean;
  /** What goes in for one that comes out, or the other way round where it widens. Null: nothing came through. */
  readonly factor: number | null;
  readonly into: number | null;
  readonly out: number | null;
  /** Reads after the factor: "writes in one batch". */
  readonly words: string;
  /** What carries it on, where that is fewer again. */
  readonly carried: { readonly perS: number | null; readonly words: string } | null;
}

/** Sums what nodes did. */
export function flow(sample: Sample, rates: ReadonlyMap<string, NodeRates>): Flow {
  const sum = (role: Role, counter: string): number | null => {
    const known = ofRole(sample, role).flatMap((node) => rates.get(node.name)?.perS(counter) ?? []);
    return known.length === 0 ? null : known.reduce((a, b) => a + b);
  };
  const viewers = ofRole(sample, "broadcast").flatMap((node) => figure(node, "viewers") ?? []);
  const commits = sum("processor", "commits");
  return {
    viewers: viewers.length === 0 ? null : viewers.reduce((a, b) => a + b),
    writes: sum("broadcast", "writes_in"),
    batches: sum("broadcast", "batches_out"),
    writesOwned: sum("processor", "writes_in"),
    likes: sum("processor", "likes_in"),
    commits,
    commitMs: scaled(ratio(sum("processor", "commit_microseconds"), commits), 1 / 1000),
    talliesUp: sum("processor", "tallies_out"),
    reports: sum("processor", "reports_out"),
    comments: sum("merger", "comments_in"),
    talliesIn: sum("merger", "tallies_in"),
    talliesOut: sum("merger", "tallies_out"),
    frames: sum("merger", "frames_out"),
    framesToNodes: sum("broadcast", "frames_in"),
    deliveries: sum("broadcast", "frames_written"),
    merged: sum("broadcast", "ranges_written"),
    bytes: sum("broadcast", "bytes_written"),
  };
}

/** All stages, as a like and its count travel. */
export function stages(flow: Flow): Stage[] {
  const narrows = (key: string, words: string, into: number | null, out: number | null): Stage => ({
    key, narrows: true, words, into, out, factor: ratio(into, out), carried: null,
  });
  const widens = (key: string, words: string, into: number | null, out: number | null): Stage => ({
    key, narrows: false, words, into, out, factor: ratio(out, into), carried: null,
  });
  return [
    narrows("batches", "writes in one batch", flow.writes, flow.batches),
    narrows("commits", "writes in one sync to disk", flow.writesOwned, flow.commits),
    { ...narrows("tallies", "likes in one count", flow.likes, flow.talliesUp), carried: { perS: flow.reports, words: "reports" } },
    { ...narrows("counts", "counts merged into one", flow.talliesIn, flow.talliesOut), carried: { perS: flow.frames, words: "frames" } },
    narrows("reports", "reports in one frame", flow.reports, flow.frames),
    widens("spread", "nodes for each frame", flow.frames, flow.framesToNodes),
    widens("fanout", "viewers on each node", flow.framesToNodes, flow.deliveries),
  ];
}

function ratio(over: number | null, under: number | null): number | null {
  return over === null || !under ? null : over / under;
}

function scaled(value: number | null, by: number): number | null {
  return value === null ? null : value * by;
}
