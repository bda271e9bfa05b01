// The way to the stream: which connection the view hangs on, and what follows when it is lost, moved or not needed.
//
// Between the sockets and the session. Invariants: the view takes frames of one connection at a time; when a node names
// another, that one is made with a resume point first, and from the moment at which the point is chosen frames of the old one
// are held back, to be taken only if the new one fails.

import { Backoff } from "./backoff.ts";
import type { Codec } from "./codec.ts";
import { isSocket, type Places } from "./places.ts";
import { Socket } from "./socket.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Connection } from "./view.ts";
import type { ClientMessage, Frame, Move, ServerMessage, Welcome } from "./wire.ts";

/** A connection that lives so long has worked: the next failure is the first one. */
const STEADY_MS = 5_000;
/** How long the new connection of a move may take: meanwhile the view stands still. */
const MOVE_MS_MAX = 5_000;
/** Frames of the old connection that are held back meanwhile; with more the move is given up. */
const HELD_MAX = 256;
/** The longest that a node may ask to wait with a move. */
const MOVE_AFTER_MS_MAX = 600_000;

/** What the session is told. */
export interface Owner {
  /** The query of a new connection, with the resume point of now. */
  query(): URLSearchParams;
  connection(connection: Connection): void;
  /** The welcome of the connection that the view hangs on from now. */
  welcome(welcome: Welcome): void;
  message(message: Exclude<ServerMessage, Welcome | Move>): void;
  /** What was sent and not answered is to be sent again. */
  lost(): void;
}

export class Lifeline {
  private current: Socket | null = null;
  private next: Socket | null = null;
  private held: Frame[] = [];
  private node = "";
  /** Where a node has told this viewer to go, and when. */
  private target: { url: string; at: number } | null = null;
  /** Raised whenever a question for a place is not of interest any more. */
  private attempt = 0;
  /** Whether the page's own address is tried without a question, because the place that was named did not work. */
  private direct = false;
  private waiting: "no" | "asked" | "yes" = "no";
  private stopTimer: () => void = () => {};
  private readonly backoff: Backoff;

  constructor(
    private readonly places: Places,
    private readonly codec: Codec,
    private readonly around: Surroundings,
    private readonly owner: Owner,
  ) {
    this.backoff = new Backoff(() => around.random());
  }

  /** Connects; with a target, there. */
  start(): void {
    this.stop();
    this.owner.connection({ state: "connecting" });
    const { target } = this;
    this.target = null;
    if (target) return this.open(target.url);
    const attempt = ++this.attempt;
    const open = (url: string) => attempt === this.attempt && this.open(url);
    if (this.direct) open(this.places.own());
    else void this.places.find().then(open);
  }

  /** Leaves all connections, and comes back with `start`. */
  stop(): void {
    this.attempt++;
    this.waiting = "no";
    this.stopTimer();
    this.next?.leave();
    this.current?.leave();
    if (this.current) this.owner.lost();
    this.next = this.current = null;
    this.held = [];
  }

  /** The network has come back: a wait that no server asked for is over. */
  online(): void {
    if (this.waiting === "yes") this.start();
  }

  /** The connection that takes writes; null while there is none. */
  get live(): Socket | null {
    return this.current?.welcomedAt == null ? null : this.current;
  }

  send(message: ClientMessage): void {
    this.live?.send(message);
  }

  /** Ends a connection on which something is wrong. */
  break(): void {
    this.current?.break();
  }

  /** The address of the node on which the view hangs. */
  get url(): string | null {
    return this.current?.url ?? null;
  }

  private open(url: string): void {
    this.current = this.connect(url);
  }

  private connect(url: string, welcomeMsMax?: number): Socket {
    this.places.learn(url);
    const target = new URL(url);
    for (const [name, value] of this.owner.query()) target.searchParams.set(name, value);
    const listener = {
      message: (socket: Socket, message: ServerMessage) => this.message(socket, message),
      ended: (socket: Socket, askedMs: number | null) => this.ended(socket, askedMs),
    };
    return new Socket(target.href, this.codec, this.around, listener, welcomeMsMax);
  }

  private message(socket: Socket, message: ServerMessage): void {
    if (message.type === "move") return this.told(socket, message);
    if (message.type === "welcome") return this.welcomed(socket, message);
    if (socket.welcomedAt === null) return socket.break();
    const frame = message.type === "snapshot" || message.type === "delta" || message.type === "beat";
    if (!this.next || !frame) return this.owner.message(message);
    this.held.push(message);
    if (this.held.length > HELD_MAX) this.next.break();
  }

  private welcomed(socket: Socket, welcome: Welcome): void {
    if (socket === this.next) {
      this.current?.leave();
      this.owner.lost();
      this.current = this.next;
      this.next = null;
      this.held = [];
    }
    this.direct = false;
    this.node = welcome.node;
    this.owner.connection({ state: this.target ? "moving" : "live", node: welcome.node });
    this.awaitMove();
    this.owner.welcome(welcome);
  }

  private told(socket: Socket, { url, afterMs }: Move): void {
    if (!isSocket(url)) return;
    const target = { url, at: this.around.now() + Math.min(afterMs, MOVE_AFTER_MS_MAX) };
    this.target = target;
    // A node without room names another one instead of a welcome, and closes.
    if (socket !== this.current || socket.welcomedAt === null) return;
    if (this.next) return;
    this.owner.connection({ state: "moving", node: this.node });
    this.awaitMove();
  }

  private awaitMove(): void {
    this.stopTimer();
    if (this.target) this.stopTimer = this.around.after(this.target.at - this.around.now(), () => this.move());
  }

  /** The resume point is chosen here. */
  private move(): void {
    if (!this.target || !this.current || this.next) return;
    const { url } = this.target;
    this.target = null;
    this.next = this.connect(url, MOVE_MS_MAX);
  }

  private ended(socket: Socket, askedMs: number | null): void {
    if (socket === this.next) return this.moveFailed(askedMs);
    if (socket !== this.current) return;
    this.current = null;
    if (socket.welcomedAt !== null && this.around.now() - socket.welcomedAt >= STEADY_MS) this.backoff.reset();
    if (socket.welcomedAt === null && askedMs === null) this.direct = !this.direct;
    this.owner.lost();
    // The new connection of a move goes on from where the old one was left.
    if (!this.next) this.retry(askedMs);
  }

  /** The old connection is as good as before, if it is still there. */
  private moveFailed(askedMs: number | null): void {
    this.next = null;
    const held = this.held.splice(0);
    if (!this.current) return this.retry(askedMs);
    this.owner.connection({ state: this.target ? "moving" : "live", node: this.node });
    for (const frame of held) if (this.current) this.owner.message(frame);
    // It may have named yet another node meanwhile.
    if (this.current) this.awaitMove();
  }

  private retry(askedMs: number | null): void {
    const now = this.around.now();
    // A node that closes after it has named another is not asked again: the way leads there, at the time that it named.
    const waitMs = this.target ? Math.max(this.target.at - now, this.backoff.wait(askedMs)) : this.backoff.wait(askedMs);
    this.waiting = askedMs === null && !this.target ? "yes" : "asked";
    this.owner.connection({ state: "waiting", retryAt: now + waitMs });
    this.stopTimer();
    this.stopTimer = this.around.after(waitMs, () => this.start());
  }
}
