// Asks a node for the cluster's figures once a second, and another node when that one does not answer.
//
// Between `/v1/cluster` and the page. Invariant: what was last known stays until something newer is known; a failed question
// only makes it older.

import { sample, type Sample } from "./sample.ts";

/** How long after an answer the next question goes out: counters move visibly, and a node is asked little. */
const EVERY_MS = 1000;
/** Longer than a node may take to ask all others. */
const TIMEOUT_MS = 2500;
/** How many nodes are remembered to be asked. */
const NODES_MAX = 64;

/** What the page knows of the source. */
export type Seen =
  /** An answer, with the time by this machine's clock. */
  | { kind: "sample"; sample: Sample; from: string; receivedAt: number }
  /** A node did not answer, or not rightly. */
  | { kind: "failed"; from: string; why: string }
  /** The cluster wants a token; `wrong` when it was given another one. */
  | { kind: "locked"; from: string; wrong: boolean };

/** Asks until it is closed. */
export class Source {
  #nodes: string[];
  #token: string | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = new AbortController();
  readonly #tell: (seen: Seen) => void;

  /** `origin` is asked first: the node that served the page. */
  constructor(origin: string, token: string | null, tell: (seen: Seen) => void) {
    this.#nodes = [origin];
    this.#token = token;
    this.#tell = tell;
    void this.#ask();
  }

  /** Takes another token, and asks with it at once. */
  unlock(token: string): void {
    this.#token = token;
    this.#again(0);
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#timer);
  }

  /** Asks the nodes in turn, beginning with the one that answered last, until one answers. */
  async #ask(): Promise<void> {
    for (let tries = this.#nodes.length; tries > 0 && !this.#closed.signal.aborted; tries -= 1) {
      const from = this.#nodes[0] ?? "";
      const seen = await this.#once(from);
      if (this.#closed.signal.aborted) return;
      this.#tell(seen);
      // Only a token lets it go on.
      if (seen.kind === "locked") return;
      if (seen.kind === "sample") {
        this.#learn(from, seen.sample);
        break;
      }
      this.#nodes = [...this.#nodes.slice(1), from];
    }
    this.#again(EVERY_MS);
  }

  #again(afterMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#closed.signal.aborted) this.#timer = setTimeout(() => void this.#ask(), afterMs);
  }

  async #once(from: string): Promise<Seen> {
    const headers: HeadersInit = this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
    const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#closed.signal]);
    try {
      const answer = await fetch(`${from}/v1/cluster`, { headers, signal, cache: "no-store", credentials: "omit" });
      if (answer.status === 401) return { kind: "locked", from, wrong: this.#token !== null };
      if (!answer.ok) return { kind: "failed", from, why: `answers ${answer.status}` };
      const receivedAt = Date.now();
      return { kind: "sample", sample: sample(await answer.json(), receivedAt), from, receivedAt };
    } catch (error) {
      return { kind: "failed", from, why: reason(error) };
    }
  }

  /** Other nodes that can be asked, after the one that answers now. */
  #learn(from: string, { nodes }: Sample): void {
    const others = nodes.filter((node) => node.role === "broadcast" && node.state !== "dead").map((node) => node.url);
    this.#nodes = [...new Set([from, ...others, ...this.#nodes])].filter((url) => url !== "").slice(0, NODES_MAX);
  }
}

function reason(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return `has not answered for ${TIMEOUT_MS} ms`;
  // What the browser says of a connection that failed differs between browsers and tells people nothing.
  if (error instanceof TypeError) return "cannot be reached";
  return `answers wrongly: ${error instanceof Error ? error.message : String(error)}`;
}
