// One answer of `/v1/cluster`, as typed values: what the cluster said of itself at one moment.
//
// Between the source, which asks, and everything that is drawn. Invariant: what another version of the server leaves out is
// null here; what it says wrongly is an error that names the field, and the page keeps the answer before.

export type Role = "broadcast" | "processor" | "merger";
export type State = "alive" | "silent" | "dead";

/** One viewer who is behind the newest frame. */
export interface Slow {
  readonly viewer: string;
  readonly stream: string;
  readonly behindFrames: number | null;
  readonly stalledMs: number | null;
  /** What is sent to it instead of every frame. */
  readonly grade: string | null;
}

/** One node, as the others see it and as it counts itself. */
export interface Node {
  readonly name: string;
  readonly role: Role;
  readonly url: string;
  readonly state: State;
  readonly silentMs: number | null;
  /** How old its last heartbeat was. */
  readonly beatMs: number | null;
  /** Null: it did not answer. */
  readonly ready: boolean | null;
  /** Why it is not ready. */
  readonly missing: string | null;
  readonly work: string | null;
  /** Of processors: the slots that the map gives it. */
  readonly slots: number | null;
  readonly slotEpochs: { readonly min: number; readonly max: number } | null;
  /** From 0 to 1: of the viewers' ring, or of the slots. */
  readonly ringShare: number | null;
  /** Whom a broadcast node takes its frames from. */
  readonly fedBy: string | null;
  /** Null: it did not answer. */
  readonly figures: Readonly<Record<string, number>> | null;
  readonly slowest: readonly Slow[];
}

/** The whole cluster at one moment. */
export interface Sample {
  /** Milliseconds since 1970, by the clock of the node that answered where it tells it. */
  readonly at: number;
  readonly cluster: string | null;
  readonly mapEpoch: number;
  /** How many slots there are in all. */
  readonly slots: number | null;
  readonly root: { readonly node: string; readonly epoch: number } | null;
  readonly nodes: readonly Node[];
}

type Fields = Record<string, unknown>;

/** Makes a sample of an answer. Throws an `Error` that names the field and what stands there. */
export function sample(answer: unknown, receivedAt: number): Sample {
  const top = fields(answer, "the answer");
  if (!Array.isArray(top.nodes)) throw wrong("nodes", top.nodes, "a list");
  const root = top.root == null ? null : fields(top.root, "root");
  return {
    at: number(top.at, "at") ?? receivedAt,
    cluster: text(top.name, "name"),
    mapEpoch: needed(number(top.map_epoch, "map_epoch"), "map_epoch"),
    slots: number(top.slots, "slots"),
    root: root && {
      node: needed(text(root.node, "root.node"), "root.node"),
      epoch: needed(number(root.epoch, "root.epoch"), "root.epoch"),
    },
    nodes: top.nodes.map(node),
  };
}

/** A figure of a node, null where it did not answer or does not count it. */
export function figure(node: Node, name: string): number | null {
  return node.figures?.[name] ?? null;
}

/** The nodes of one role, by name: b2 before b10. */
export function ofRole(sample: Sample, role: Role): Node[] {
  const byName = (a: Node, b: Node) => a.name.localeCompare(b.name, "en", { numeric: true });
  return sample.nodes.filter((node) => node.role === role).sort(byName);
}

function node(value: unknown): Node {
  const of = fields(value, "a node");
  const name = needed(text(of.node, "node"), "node");
  const epochs = of.slot_epochs == null ? null : fields(of.slot_epochs, `slot_epochs of ${name}`);
  return {
    name,
    role: oneOf(of.role, ["broadcast", "processor", "merger"], `role of ${name}`),
    url: text(of.url, `url of ${name}`) ?? "",
    state: oneOf(of.state, ["alive", "silent", "dead"], `state of ${name}`),
    silentMs: number(of.silent_ms, `silent_ms of ${name}`),
    beatMs: number(of.beat_ms, `beat_ms of ${name}`),
    ready: typeof of.ready === "boolean" ? of.ready : null,
    missing: text(of.missing, `missing of ${name}`),
    work: text(of.work, `work of ${name}`),
    slots: number(of.slots, `slots of ${name}`),
    slotEpochs: epochs && {
      min: needed(number(epochs.min, "min"), `slot_epochs.min of ${name}`),
      max: needed(number(epochs.max, "max"), `slot_epochs.max of ${name}`),
    },
    ringShare: number(of.ring_share, `ring_share of ${name}`),
    fedBy: text(of.fed_by, `fed_by of ${name}`),
    figures: of.figures == null ? null : numbers(fields(of.figures, `figures of ${name}`)),
    slowest: Array.isArray(of.slowest) ? of.slowest.map((slow) => slowOne(slow, name)) : [],
  };
}

function slowOne(value: unknown, node: string): Slow {
  const of = fields(value, `slowest of ${node}`);
  return {
    viewer: needed(text(of.viewer, "viewer"), `slowest.viewer of ${node}`),
    stream: needed(text(of.stream, "stream"), `slowest.stream of ${node}`),
    behindFrames: number(of.behind_frames, `behind_frames of ${node}`),
    stalledMs: number(of.stalled_ms, `stalled_ms of ${node}`),
    grade: text(of.grade, `grade of ${node}`),
  };
}

function numbers(of: Fields): Record<string, number> {
  const kept = Object.entries(of).filter((entry): entry is [string, number] => Number.isFinite(entry[1]));
  return Object.assign(Object.create(null), Object.fromEntries(kept));
}

function fields(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(name, value, "an object");
  return value as Fields;
}

function number(value: unknown, name: string): number | null {
  if (value == null) return null;
  if (typeof value !== "number" || !Number.isFinite(value)) throw wrong(name, value, "a number");
  return value;
}

function text(value: unknown, name: string): string | null {
  if (value == null) return null;
  if (typeof value !== "string") throw wrong(name, value, "text");
  return value;
}

function oneOf<Word extends string>(value: unknown, words: readonly Word[], name: string): Word {
  const found = words.find((word) => word === value);
  if (found === undefined) throw wrong(name, value, `one of ${words.join(", ")}`);
  return found;
}

function needed<Value>(value: Value | null, name: string): Value {
  if (value === null) throw new Error(`${name} is missing`);
  return value;
}

function wrong(name: string, value: unknown, right: string): Error {
  return new Error(`${name} is ${JSON.stringify(value)?.slice(0, 40)}, ${right} is expected`);
}
