// Where to connect: the node that the cluster names for this viewer, asked of any node that is known.
//
// Between the loss of a connection and the next one. Invariant: at most `NODES_MAX` addresses are remembered, those that the
// page gave among them always.

import type { Surroundings } from "./surroundings.ts";

/** Addresses of nodes that may be asked. */
const NODES_MAX = 8;
/** Nodes that an answer may name: the one where the viewer belongs, and three to ask when it is gone. */
const NAMED_MAX = 4;
/** How long one of them may take to answer. */
const ANSWER_MS_MAX = 3_000;

export class Places {
  /** Origins of HTTP, the one that is asked first in front. */
  private nodes: string[];
  private closed = new AbortController();

  constructor(
    private readonly given: readonly string[],
    private readonly stream: string,
    private readonly viewer: string,
    private readonly around: Surroundings,
  ) {
    this.nodes = [...given];
  }

  /** Where this viewer belongs, or, if nobody says, a node that may take it. */
  async find(): Promise<string> {
    for (const node of [...this.nodes]) {
      const url = await this.ask(node);
      if (url !== null) return url;
      // Another one is asked first from now on.
      this.nodes = [...this.nodes.filter((other) => other !== node), node];
    }
    return this.own();
  }

  /** The stream at the next address of those that the page gave, whoever the cluster thinks is right. */
  own(): string {
    const first = this.nodes.find((node) => this.given.includes(node)) ?? this.given[0]!;
    return `${first.replace(/^http/, "ws")}/v1/streams/${this.stream}/live`;
  }

  /** Remembers the node of a WebSocket's address, to ask it when others do not answer. */
  learn(url: string): void {
    const node = originOf(url);
    if (this.nodes.includes(node)) return;
    const learned = this.nodes.filter((other) => !this.given.includes(other));
    const oldest = this.nodes.length >= NODES_MAX ? learned[0] : undefined;
    this.nodes = [...this.nodes.filter((other) => other !== oldest), node];
  }

  close(): void {
    this.closed.abort();
  }

  private async ask(node: string): Promise<string | null> {
    const patience = new AbortController();
    const give = () => patience.abort();
    const stop = this.around.after(ANSWER_MS_MAX, give);
    this.closed.signal.addEventListener("abort", give);
    try {
      const answer = await this.around.fetch(`${node}/v1/streams/${this.stream}/place?viewer=${this.viewer}`, patience.signal);
      if (!answer.ok) return null;
      const { url, others }: { url: unknown; others: unknown } = await answer.json();
      const named = [url, ...(Array.isArray(others) ? others : [])].filter(isSocket).slice(0, NAMED_MAX);
      // The last ones to be learned are the last ones to be asked.
      for (const other of named) this.learn(other);
      return named[0] === url ? (named[0] ?? null) : null;
    } catch {
      return null;
    } finally {
      stop();
      this.closed.signal.removeEventListener("abort", give);
    }
  }
}

/** Whether this is the address of a WebSocket. */
export function isSocket(url: unknown): url is string {
  return typeof url === "string" && URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol);
}

/** The origin of HTTP of a WebSocket's address. */
export function originOf(url: string): string {
  return new URL(url.replace(/^ws/, "http")).origin;
}
