// What the plots show: the last five minutes second by second, the last half hour in steps of six seconds.
//
// Between the flow and the plots. Invariant: it holds at most `POINTS_MAX` points of each, however long the page is open.

import { type Flow } from "./flow.ts";

/** The points of one plot: about as many as it is wide. */
export const POINTS_MAX = 300;
/** How many points of the fine history make one of the coarse. */
export const FOLDED = 6;

/** The figures that are plotted. */
export const SERIES = ["viewers", "likes", "comments", "frames", "deliveries", "commitMs", "merged", "shed"] as const;
export type Series = (typeof SERIES)[number];
/** The flow with what was refused, of one moment. */
export type Plotted = Pick<Flow, Exclude<Series, "shed">> & { readonly shed: number | null };

/** Times in seconds since 1970, and each series as long as they are; null where nothing was known. */
export interface Points {
  readonly at: number[];
  readonly values: Record<Series, (number | null)[]>;
}

/** Both histories. */
export class History {
  readonly fine = points();
  readonly coarse = points();
  #unfolded = points();

  /** Adds a moment. */
  push(atMs: number, moment: Plotted): void {
    add(this.fine, atMs / 1000, moment);
    add(this.#unfolded, atMs / 1000, moment);
    if (this.#unfolded.at.length < FOLDED) return;
    add(this.coarse, this.#unfolded.at.at(-1) ?? 0, mean(this.#unfolded));
    this.#unfolded = points();
  }
}

function points(): Points {
  return { at: [], values: Object.fromEntries(SERIES.map((name) => [name, []])) as unknown as Points["values"] };
}

function add(to: Points, at: number, moment: Plotted): void {
  // The clock of another node may be a little behind: time in a plot never runs back.
  const last = to.at.at(-1);
  if (last !== undefined && at <= last) return;
  to.at.push(at);
  for (const name of SERIES) to.values[name].push(moment[name]);
  if (to.at.length <= POINTS_MAX) return;
  to.at.shift();
  for (const name of SERIES) to.values[name].shift();
}

function mean(of: Points): Plotted {
  const means = SERIES.map((name) => {
    const known = of.values[name].filter((value) => value !== null);
    return [name, known.length === 0 ? null : known.reduce((a, b) => a + b) / known.length];
  });
  return Object.fromEntries(means) as unknown as Plotted;
}
