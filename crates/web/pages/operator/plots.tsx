// The last minutes as plots, all under one cursor.
//
// Between the history and uPlot. Invariant: it never holds more points than the history does.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { type Event } from "./events.ts";
import { clock, compact, milliseconds, rate } from "./format.ts";
import { type History, type Points, type Series } from "./history.ts";

interface Kind {
  readonly series: Series;
  readonly title: string;
  readonly unit: string;
  /** The custom property that holds its colour. */
  readonly color: string;
  readonly text: (value: number | null) => string;
  /** At the axis there is little room. */
  readonly axis: (value: number | null) => string;
}

const KINDS: readonly Kind[] = [
  { series: "viewers", title: "Viewers", unit: "", color: "--accent", text: rate, axis: compact },
  { series: "likes", title: "Likes in", unit: "/s", color: "--processor", text: rate, axis: compact },
  { series: "comments", title: "Comments", unit: "/s", color: "--processor", text: rate, axis: compact },
  { series: "frames", title: "Frames of the root", unit: "/s", color: "--merger", text: rate, axis: compact },
  { series: "deliveries", title: "Deliveries", unit: "/s", color: "--broadcast", text: rate, axis: compact },
  { series: "merged", title: "Merged for who is behind", unit: "/s", color: "--broadcast", text: rate, axis: compact },
  { series: "commitMs", title: "Sync to disk, mean", unit: "", color: "--store", text: milliseconds, axis: milliseconds },
  { series: "shed", title: "Refused", unit: "/s", color: "--bad", text: rate, axis: compact },
];

const HEIGHT = 112;

export function Plots({ history, events }: { history: History; events: readonly Event[] }) {
  const [long, setLong] = useState(false);
  const points = long ? history.coarse : history.fine;
  return (
    <section aria-labelledby="plots-title">
      <div class="row spread">
        <h2 id="plots-title">{long ? "The last half hour" : "The last five minutes"}</h2>
        <button class="plain" aria-pressed={long} onClick={() => setLong(!long)}>Half an hour</button>
      </div>
      <div id="plots">
        {KINDS.map((kind) => <Plot key={kind.series} kind={kind} points={points} events={events} />)}
      </div>
    </section>
  );
}

function Plot({ kind, points, events }: { kind: Kind; points: Points; events: readonly Event[] }) {
  const at = useRef<HTMLDivElement>(null);
  const happened = useRef(events);
  happened.current = events;
  const plot = useRef<uPlot | null>(null);
  const values = points.values[kind.series];
  const [pointed, setPointed] = useState<number | null>(null);
  useEffect(() => {
    const place = at.current;
    if (place === null) return;
    const made = new uPlot(options(kind, place.clientWidth, setPointed, () => happened.current), [[], []], place);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height: HEIGHT }));
    resized.observe(place);
    const colors = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => made.redraw(false, true);
    colors.addEventListener("change", redraw);
    return () => {
      colors.removeEventListener("change", redraw);
      resized.disconnect();
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData([points.at, values]), [points, points.at.at(-1)]);
  const index = pointed ?? values.length - 1;
  const time = pointed === null ? "" : ` at ${clock((points.at[pointed] ?? 0) * 1000)}`;
  return (
    <figure class="card">
      <figcaption>
        {kind.title}
        <span class="figure value">{kind.text(values[index] ?? null)}{kind.unit}<span class="soft">{time}</span></span>
      </figcaption>
      <div ref={at} aria-hidden="true" />
    </figure>
  );
}

type Events = () => readonly Event[];

function options(kind: Kind, width: number, pointed: (index: number | null) => void, events: Events): uPlot.Options {
  const axis = { stroke: color("--soft"), font: "11px system-ui", grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  return {
    width, height: HEIGHT, legend: { show: false },
    cursor: { y: false, sync: { key: "operator" }, points: { size: 7 } },
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.15 : 1] } },
    axes: [
      { ...axis, size: 22, space: 70, values: (_, times, __, ___, step) => times.map((time) => clock(time * 1000).slice(0, step < 60 ? 8 : 5)) },
      { ...axis, size: 46, values: (_, marks) => marks.map((mark) => kind.axis(mark)) },
    ],
    series: [{}, { stroke: color(kind.color), width: 1.75, points: { show: false } }],
    hooks: { setCursor: [(plot) => pointed(plot.cursor.idx ?? null)], drawAxes: [(plot) => mark(plot, events())] },
  };
}

function color(name: string): () => string {
  return () => getComputedStyle(document.documentElement).getPropertyValue(name);
}

/** A line where a node went away, and one where it was back: what the curve does there has its reason. */
function mark(plot: uPlot, events: readonly Event[]): void {
  const { left, top, width, height } = plot.bbox;
  for (const { at, tone } of events) {
    const x = Math.round(plot.valToPos(at / 1000, "x", true)) + 0.5;
    if (tone === "plain" || !(x >= left && x <= left + width)) continue;
    plot.ctx.strokeStyle = color(tone === "bad" ? "--bad" : "--good")();
    plot.ctx.lineWidth = devicePixelRatio;
    plot.ctx.beginPath();
    plot.ctx.moveTo(x, top);
    plot.ctx.lineTo(x, top + height);
    plot.ctx.stroke();
  }
}
