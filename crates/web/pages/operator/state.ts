// All that the page shows, made anew with each answer.
//
// Between the source and the components. Invariant: everything that gathers here is bounded; a failed question changes
// nothing but `failure`.

import { type Event, follow, type Memory, remember } from "./events.ts";
import { type Flow, flow, type Stage, stages } from "./flow.ts";
import { History } from "./history.ts";
import { type NodeRates, rates } from "./rates.ts";
import { type Sample } from "./sample.ts";
import { refused, type Shed, sheds } from "./shed.ts";
import { type Seen } from "./source.ts";

/** Samples that rates are taken over: five seconds, so that a number can be read before it changes. */
const SAMPLES_MAX = 6;
/** Lines of the list of events. */
const EVENTS_MAX = 100;

/** The page. */
export interface Shown {
  /** Null before the first answer. */
  readonly latest: Latest | null;
  /** Newest first. */
  readonly events: readonly Event[];
  readonly history: History;
  /** Which node is asked, as its address. */
  readonly asked: string;
  /** Why the last question had no answer. */
  readonly failure: string | null;
  readonly locked: "no" | "needed" | "wrong";
  readonly memory: Memory;
  readonly samples: readonly Sample[];
}

/** The newest answer, and what follows from it and those before. */
export interface Latest {
  readonly sample: Sample;
  /** The address of the node that gave it. */
  readonly from: string;
  readonly receivedAt: number;
  readonly rates: ReadonlyMap<string, NodeRates>;
  readonly flow: Flow;
  readonly stages: readonly Stage[];
  readonly sheds: readonly Shed[];
}

export function begin(origin: string): Shown {
  return {
    latest: null, events: [], history: new History(), asked: origin, failure: null, locked: "no",
    memory: { away: new Map() }, samples: [],
  };
}

/** Takes in what the source has seen. */
export function take(shown: Shown, seen: Seen): Shown {
  switch (seen.kind) {
    case "locked":
      return { ...shown, asked: seen.from, locked: seen.wrong ? "wrong" : "needed" };
    case "failed":
      return { ...shown, asked: seen.from, failure: `${nameOf(seen.from, shown.latest?.sample ?? null)} ${seen.why}` };
    case "sample":
      return answered(shown, seen.sample, seen.from, seen.receivedAt);
  }
}

/** The name of the node at an address, else the address. */
export function nameOf(url: string, sample: Sample | null): string {
  return sample?.nodes.find((node) => node.url === url)?.name ?? url.replace(/^https?:\/\//, "");
}

function answered(shown: Shown, sample: Sample, from: string, receivedAt: number): Shown {
  const before = shown.latest;
  // The same answer again: the node had gathered it for somebody else.
  if (before !== null && before.from === from && sample.at === before.sample.at) {
    return { ...shown, latest: { ...before, receivedAt }, failure: null, locked: "no" };
  }
  const moved = before !== null && before.from !== from;
  // Another node's clock is another clock: rates begin anew with it.
  const samples = moved ? [sample] : [...shown.samples, sample].slice(-SAMPLES_MAX);
  const told = before === null ? { memory: remember(sample), events: [] } : follow(shown.memory, before.sample, sample, !moved);
  const asked: Event[] = moved ? [askedInstead(before, sample, from)] : [];
  const perNode = rates(samples);
  const total = flow(sample, perNode);
  const shed = sheds(sample, perNode);
  plot(shown.history, samples, sample);
  return {
    ...shown,
    latest: { sample, from, receivedAt, rates: perNode, flow: total, stages: stages(total), sheds: shed },
    events: [...told.events, ...asked].toReversed().concat(shown.events).slice(0, EVENTS_MAX),
    memory: told.memory,
    samples,
    asked: from,
    failure: null,
    locked: "no",
  };
}

/** Plots show each second by itself. */
function plot(history: History, samples: readonly Sample[], sample: Sample): void {
  const perNode = rates(samples.slice(-2));
  history.push(sample.at, { ...flow(sample, perNode), shed: refused(sheds(sample, perNode)) });
}

function askedInstead(before: Latest, sample: Sample, from: string): Event {
  const text = `${nameOf(before.from, sample)} does not answer this page: ${nameOf(from, sample)} is asked instead`;
  return { at: sample.at, node: null, tone: "plain", text };
}
