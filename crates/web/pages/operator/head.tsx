// The head of the page: which cluster, its root and map, whom the page asks, and how old the figures are.
//
// Above everything. Invariant: figures that are older than they should be are marked as such.

import { useEffect, useState } from "preact/hooks";
import { count, milliseconds } from "./format.ts";
import { type Sample } from "./sample.ts";
import { nameOf, type Shown } from "./state.ts";

/** Older than this, something is wrong: two questions had no answer. */
const STALE_MS = 3000;
/** How often the age is counted on. */
const TICK_MS = 250;

export function Head({ shown }: { shown: Shown }) {
  const sample = shown.latest?.sample ?? null;
  return (
    <header class="head">
      <h1>Watershed{sample?.cluster ? <span class="cluster"> {sample.cluster}</span> : null}</h1>
      <dl class="facts">
        <div>
          <dt>root</dt>
          <dd id="root" data-node={sample?.root?.node ?? ""}>{rootOf(sample)}</dd>
        </div>
        <div>
          <dt>map epoch</dt>
          <dd id="map-epoch" class="figure">{count(sample?.mapEpoch ?? null)}</dd>
        </div>
        <Freshness shown={shown} />
        <div><dt class="spoken">elsewhere</dt><dd><a href="/">Live page</a></dd></div>
      </dl>
    </header>
  );
}

function rootOf(sample: Sample | null): string {
  if (sample === null) return "–";
  return sample.root ? `${sample.root.node}, epoch ${sample.root.epoch}` : "none";
}

function Freshness({ shown: { latest, asked, failure, locked } }: { shown: Shown }) {
  const now = useNow();
  const age = latest === null ? null : Math.max(0, now - latest.receivedAt);
  const unanswered = locked === "no" ? "no answer yet" : "which wants a token";
  const stale = age === null ? failure !== null : age > STALE_MS;
  return (
    <div>
      <dt>asked</dt>
      <dd id="freshness" class={stale ? "figure stale" : "figure"} data-age-ms={age === null ? "" : Math.round(age)} data-stale={stale}>
        {nameOf(asked, latest?.sample ?? null)}, {age === null ? unanswered : ago(age)}
      </dd>
    </div>
  );
}

/** In steps of 100 ms: more cannot be read. */
function ago(ms: number): string {
  return `${milliseconds(Math.floor(ms / 100) * 100)} ago`;
}

function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
