// The tree as a picture: what `tree.ts` lays out, with the numbers of the moment.
//
// Between the layout and the screen. Invariant: it decides nothing; the tables below hold the same for who cannot see it.

import { compact, count } from "./format.ts";
import { Factors } from "./factors.tsx";
import { Mark } from "./mark.tsx";
import { type Latest } from "./state.ts";
import { type Stream } from "./streams.ts";
import { tree, type Tree } from "./tree.ts";

export function Drawing({ latest, away }: { latest: Latest; away: ReadonlyMap<string, { since: number | null }> }) {
  const { sample, flow, rates } = latest;
  const laid = tree(sample, flow, rates);
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label="The tree, drawn">
      <svg
        id="tree" viewBox={`0 0 ${laid.width} ${laid.height}`} width={laid.width} height={laid.height} role="img"
        aria-label={spoken(latest)}
      >
        {laid.streams.map((stream) => <River key={stream.key} stream={stream} />)}
        {laid.groups.map(({ title, words, box }) => (
          <g key={title} class="column" transform={`translate(${box.x + box.width / 2} ${box.y})`}>
            <text class="title" y={-26}>{title}</text>
            <text class="words" y={-10}>{words}</text>
          </g>
        ))}
        <Crowd tree={laid} viewers={flow.viewers} />
        {laid.chips.map((chip) => (
          <Mark
            key={chip.node.name} chip={chip} sample={sample} rates={rates.get(chip.node.name)}
            since={away.get(chip.node.name)?.since ?? null}
          />
        ))}
        <Factors latest={latest} tree={laid} />
      </svg>
    </div>
  );
}

function River({ stream: { kind, path, stroke, broken, chevrons } }: { stream: Stream }) {
  const names = `${stroke === null ? "river" : "edge"} ${kind}${broken ? " broken" : ""}`;
  return (
    <>
      <path class={names} d={path} stroke-width={stroke ?? 0} />
      {chevrons.map(({ x, y, left }) => <path key={x} class="chevron" d={`M${x} ${y - 4} l${left ? -4 : 4} 4 l${left ? 4 : -4} 4`} />)}
    </>
  );
}

/** The viewers, as a crowd that is as dense as they are many: a dot more for each quarter more. */
function Crowd({ tree: { crowd }, viewers }: { tree: Tree; viewers: number | null }) {
  const { x, y, width, height } = crowd;
  const dots = Math.min(DOTS_MAX, Math.round(12 * Math.log(1 + (viewers ?? 0))));
  return (
    <g class="crowd">
      <rect x={x} y={y} width={width} height={height} rx={14} />
      {Array.from({ length: dots }, (_, i) => {
        // The golden angle puts each dot where there is most room.
        const [turn, out] = [i * 2.39996, Math.sqrt((i + 0.5) / DOTS_MAX)];
        const [right, below] = [Math.cos(turn) * out * (width / 2 - 8), Math.sin(turn) * out * (height / 2 - 10)];
        return <circle key={i} r={2.6} cx={x + width / 2 + right} cy={y + height / 2 + below} />;
      })}
      <text class="halo large" x={x + width / 2} y={y + height / 2 + 8}>{compact(viewers, 100_000)}</text>
    </g>
  );
}

const DOTS_MAX = 190;

function spoken({ sample, flow }: Latest): string {
  const dead = sample.nodes.filter((node) => node.state === "dead").map((node) => node.name);
  const lost = dead.length === 0 ? "" : ` Dead: ${dead.join(", ")}.`;
  const tiers = "broadcast nodes, write processors and the root merger";
  return `The tree: ${count(flow.viewers)} viewers, ${tiers}, with what flows between them.${lost} The tables below say the same.`;
}
