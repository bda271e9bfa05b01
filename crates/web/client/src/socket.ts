// One connection to one node, from its first attempt to its end.
//
// Between a WebSocket and the lifeline. Invariant: it ends once, and after its end it says nothing any more; nothing that a
// server sends throws out of here.

import { askedFor } from "./backoff.ts";
import type { Codec } from "./codec.ts";
import type { Channel, Surroundings } from "./surroundings.ts";
import type { ClientMessage, ServerMessage } from "./wire.ts";

/** How long a connection may take until its welcome. */
const WELCOME_MS_MAX = 10_000;
/** Beats come no more often than this is believed: a wrong limit must not break every connection. */
const BEAT_MS_MIN = 500;

export interface Listener {
  message(socket: Socket, message: ServerMessage): void;
  /** It has ended, and the server asks to be spared for so long. */
  ended(socket: Socket, askedMs: number | null): void;
}

export class Socket {
  readonly url: string;
  /** When the welcome came. */
  welcomedAt: number | null = null;
  private channel: Channel | null = null;
  private heardAt: number;
  private silenceMs: number;
  private stopWatch: () => void = () => {};

  constructor(
    url: string,
    private readonly codec: Codec,
    private readonly around: Surroundings,
    private readonly listener: Listener,
    welcomeMsMax = WELCOME_MS_MAX,
  ) {
    this.url = url;
    this.heardAt = around.now();
    this.silenceMs = welcomeMsMax;
    try {
      this.open(url);
    } catch {
      // A browser refuses an address that a page may not use, as ws: from https:. Told as an end, behind the constructor.
      this.stopWatch = around.after(0, () => this.end(null));
    }
  }

  private open(url: string): void {
    const channel = this.around.open(url, this.codec.subprotocol);
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => this.hear(data);
    channel.onclose = ({ reason }) => this.end(askedFor(reason));
    this.channel = channel;
    this.watch();
  }

  send(message: ClientMessage): void {
    this.channel?.send(this.codec.encode(message));
  }

  /** Leaves without a word to the listener. */
  leave(): void {
    this.stopWatch();
    const { channel } = this;
    this.channel = null;
    if (!channel) return;
    channel.onmessage = channel.onclose = null;
    channel.close();
  }

  /** Ends it because it cannot be right. */
  break(): void {
    this.end(null);
  }

  private hear(data: unknown): void {
    this.heardAt = this.around.now();
    let message: ServerMessage | null;
    try {
      message = this.codec.decode(data);
    } catch {
      return this.break();
    }
    if (message === null) return;
    if (message.type === "welcome") {
      this.welcomedAt = this.heardAt;
      this.silenceMs = 2 * Math.max(BEAT_MS_MIN, message.limits.beatMs);
      this.stopWatch();
      this.watch();
    }
    this.listener.message(this, message);
  }

  /** A browser does not notice that nothing comes any more. */
  private watch(): void {
    const left = this.heardAt + this.silenceMs - this.around.now();
    if (left <= 0) return this.break();
    this.stopWatch = this.around.after(left, () => this.watch());
  }

  private end(askedMs: number | null): void {
    this.leave();
    this.listener.ended(this, askedMs);
  }
}
