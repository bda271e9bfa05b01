// The same as the tree in numbers, and more of them: a table for each role, who is slowest, what was refused.
//
// At the end of the page. Invariant: every node of the answer has a row, whether it answers or not.

import { bytes, count, duration, milliseconds, rate, share } from "./format.ts";
import { type NodeRates } from "./rates.ts";
import { figure, type Node, ofRole, type Sample, type Slow } from "./sample.ts";
import { type Shed } from "./shed.ts";
import { type Latest } from "./state.ts";
import { Bar, type Column, Table } from "./table.tsx";
import { isRoot } from "./tree.ts";

/** Viewers that are shown as the slowest of the cluster. */
const SLOWEST_MAX = 10;

export function Tables({ latest }: { latest: Latest }) {
  const { sample, rates, sheds } = latest;
  const nodes = { keyOf: (node: Node) => node.name, marks: marksOf };
  return (
    <>
      <div id="nodes" class="tables">
        <Table {...nodes} caption="Broadcast nodes" rows={ofRole(sample, "broadcast")} columns={broadcast(sample, rates)} nothing="There are none." />
        <Table {...nodes} caption="Write processors" rows={ofRole(sample, "processor")} columns={processor(sample, rates)} nothing="There are none." />
        <Table {...nodes} caption="Mergers" rows={ofRole(sample, "merger")} columns={merger(sample, rates)} nothing="There are none." />
      </div>
      <div class="tables pair">
        <Table
          caption="Slowest viewers" rows={slowest(sample)} columns={SLOWEST} nothing="Nobody is behind, or no node says who."
          keyOf={(slow) => `${slow.node} ${slow.stream} ${slow.viewer}`}
        />
        <Refused sheds={sheds} />
      </div>
    </>
  );
}

/** What happened of it; what never did is folded away. */
function Refused({ sheds }: { sheds: readonly Shed[] }) {
  const [some, none] = [sheds.filter((shed) => shed.total > 0), sheds.filter((shed) => shed.total === 0)];
  return (
    <div>
      <Table caption="Refused, left out, merged away" rows={some} columns={SHED} keyOf={(shed) => shed.counter} nothing="Nothing yet." />
      {none.length === 0 ? null : (
        <details class="soft never">
          <summary>{none.length === 1 ? "another kind" : `${count(none.length)} other kinds`}, not once</summary>
          <p>{none.map((shed) => shed.words).join("; ")}.</p>
        </details>
      )}
    </div>
  );
}

function marksOf(node: Node): Record<string, string> {
  return { "data-node": node.name, "data-state": node.state };
}

const NAME: Column<Node> = { title: "node", cell: (node) => <span title={node.url}>{node.name}</span> };

function stateOf(node: Node): string {
  if (node.state !== "alive") return node.state;
  if (node.figures === null) return "does not answer";
  return node.ready === false ? `not ready: ${node.missing ?? "it has not said why"}` : "ready";
}

const STATE: Column<Node> = { title: "state", cell: (node) => <span class={`state ${node.state}`}>{stateOf(node)}</span> };
const BEAT: Column<Node> = { title: "last heartbeat", numeric: true, cell: (node) => ago(node.beatMs ?? node.silentMs) };

function ago(ms: number | null): string {
  return ms === null ? milliseconds(null) : `${milliseconds(ms)} ago`;
}

type Rates = ReadonlyMap<string, NodeRates>;

/** A counter as a rate. */
function perS(rates: Rates, title: string, counter: string): Column<Node> {
  return { title, numeric: true, cell: (node) => rate(rates.get(node.name)?.perS(counter) ?? null) };
}

/** One counter for each of another, as a number of milliseconds or alike. */
function perOne(rates: Rates, node: Node, counter: string, other: string, scale: number): number | null {
  const value = rates.get(node.name)?.perOne(counter, other) ?? null;
  return value === null ? null : value * scale;
}

/** A figure as it is. */
function now(title: string, name: string, text: (value: number | null) => string = count): Column<Node> {
  return { title, numeric: true, cell: (node) => text(figure(node, name)) };
}

/** What the process of a node takes of its machine. */
function machine(rates: Rates): Column<Node>[] {
  return [
    { title: "CPU", numeric: true, cell: (node) => share(rates.get(node.name)?.perS("cpu_seconds") ?? null) },
    now("memory", "resident_bytes", bytes),
    now("up", "uptime_s", duration),
  ];
}

function broadcast(sample: Sample, rates: Rates): Column<Node>[] {
  const nodes = ofRole(sample, "broadcast").filter((node) => node.state !== "dead");
  const viewers = nodes.reduce((sum, node) => sum + (figure(node, "viewers") ?? 0), 0);
  const even = 1 / Math.max(1, nodes.length);
  return [
    NAME, STATE, BEAT,
    {
      title: "viewers", numeric: true,
      cell: (node) => {
        const here = figure(node, "viewers");
        return <Bar share={here === null || viewers === 0 ? null : here / viewers} even={even} text={count(here)} />;
      },
    },
    { title: "share of the ring", numeric: true, cell: (node) => <Bar share={node.ringShare} even={even} text={share(node.ringShare)} /> },
    now("streams", "streams"),
    perS(rates, "writes/s", "writes_in"),
    perS(rates, "batches/s", "batches_out"),
    { title: "fed by", cell: (node) => node.fedBy ?? "–" },
    perS(rates, "frames in/s", "frames_in"),
    perS(rates, "deliveries/s", "frames_written"),
    perS(rates, "merged/s", "ranges_written"),
    { title: "bytes out/s", numeric: true, cell: (node) => bytes(rates.get(node.name)?.perS("bytes_written") ?? null) },
    now("kept", "kept_bytes", bytes),
    ...machine(rates),
  ];
}

function processor(sample: Sample, rates: Rates): Column<Node>[] {
  const nodes = ofRole(sample, "processor");
  const slots = sample.slots ?? nodes.reduce((sum, node) => sum + (node.slots ?? 0), 0);
  const even = 1 / Math.max(1, nodes.length);
  return [
    NAME, STATE, BEAT,
    {
      title: "slots", numeric: true,
      cell: (node) => <Bar share={node.slots === null || slots === 0 ? null : node.slots / slots} even={even} text={count(node.slots)} />,
    },
    { title: "their epochs", numeric: true, cell: ({ slotEpochs }) => epochs(slotEpochs) },
    perS(rates, "writes/s", "writes_in"),
    perS(rates, "likes/s", "likes_in"),
    perS(rates, "syncs/s", "commits"),
    { title: "sync, mean", numeric: true, cell: (node) => milliseconds(perOne(rates, node, "commit_microseconds", "commits", 1 / 1000)) },
    now("p50", "commit_microseconds_p50", fromMicroseconds),
    now("p99", "commit_microseconds_p99", fromMicroseconds),
    now("longest", "commit_microseconds_max", fromMicroseconds),
    perS(rates, "reports/s", "reports_out"),
    perS(rates, "counts/s", "tallies_out"),
    now("comments held", "comments_held"),
    now("likes held", "registers_held"),
    ...machine(rates),
  ];
}

function merger(sample: Sample, rates: Rates): Column<Node>[] {
  return [
    NAME, STATE, BEAT,
    { title: "work", cell: (node) => work(node, sample) },
    now("streams", "streams_open"),
    perS(rates, "reports/s", "reports_in"),
    perS(rates, "counts in/s", "tallies_in"),
    perS(rates, "counts out/s", "tallies_out"),
    perS(rates, "comments/s", "comments_in"),
    perS(rates, "unshown/s", "comments_unshown"),
    perS(rates, "frames/s", "frames_out"),
    { title: "a step takes", numeric: true, cell: (node) => milliseconds(perOne(rates, node, "merge_microseconds", "merge_steps", 1 / 1000)) },
    now("terms as root", "root_terms"),
    ...machine(rates),
  ];
}

function work(node: Node, sample: Sample): string {
  if (node.state === "dead") return "–";
  return isRoot(node, sample) ? `root, epoch ${sample.root?.epoch}` : (node.work ?? "standby");
}

function epochs(of: Node["slotEpochs"]): string {
  if (of === null) return "–";
  return of.min === of.max ? count(of.min) : `${count(of.min)} to ${count(of.max)}`;
}

function fromMicroseconds(value: number | null): string {
  return milliseconds(value === null ? null : value / 1000);
}

type SlowThere = Slow & { readonly node: string };

function slowest(sample: Sample): SlowThere[] {
  const all = sample.nodes.flatMap((node) => node.slowest.map((slow) => ({ ...slow, node: node.name })));
  const behind = (slow: Slow) => [slow.stalledMs ?? 0, slow.behindFrames ?? 0] as const;
  return all.sort((a, b) => behind(b)[0] - behind(a)[0] || behind(b)[1] - behind(a)[1]).slice(0, SLOWEST_MAX);
}

const SLOWEST: Column<SlowThere>[] = [
  { title: "viewer", cell: (slow) => <bdi>{slow.viewer}</bdi> },
  { title: "stream", cell: (slow) => <bdi>{slow.stream}</bdi> },
  { title: "node", cell: (slow) => slow.node },
  { title: "behind", numeric: true, cell: (slow) => `${count(slow.behindFrames)} frames` },
  { title: "takes nothing for", numeric: true, cell: (slow) => milliseconds(slow.stalledMs) },
  { title: "is sent", cell: (slow) => slow.grade ?? "–" },
];

const SHED: Column<Shed>[] = [
  { title: "what", cell: (shed) => shed.words },
  { title: "a second", numeric: true, cell: (shed) => rate(shed.perS) },
  { title: "since start", numeric: true, cell: (shed) => count(shed.total) },
  { title: "most at", cell: (shed) => shed.most ?? "–" },
];
