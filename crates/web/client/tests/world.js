// @ts-check
// The other side of the client in tests without a server: a clock that is moved by hand, and sockets that are scripted.
//
// Below the tests of the session; what a real server does is tested with real processes. Invariant: nothing happens but by a
// call of the test, so that no test depends on time.

import { watchIn } from "../dist/parts.js";
import { seeded } from "./random.js";

/** @typedef {import("../dist/parts.js").Surroundings} Surroundings */

/** A socket whose other end the test holds. */
export class Channel {
  binaryType = "";
  /** @type {((event: { data: unknown }) => void) | null} */
  onmessage = null;
  /** @type {((event: { code: number, reason: string }) => void) | null} */
  onclose = null;
  /** What the client sent, read as JSON. @type {any[]} */
  sent = [];
  left = false;

  /** @param {string} url */
  constructor(url) {
    this.url = new URL(url);
  }

  /** @param {string | Uint8Array} data */
  send(data) {
    this.sent.push(JSON.parse(String(data)));
  }

  close() {
    this.left = true;
  }

  /** The server says this; an object is told as JSON. @param {unknown} message */
  say(message) {
    this.onmessage?.({ data: typeof message === "object" && message !== null && !(message instanceof ArrayBuffer) ? JSON.stringify(message) : message });
  }

  /** The connection ends. @param {string} [reason] */
  end(reason = "") {
    const told = this.onclose;
    this.onmessage = this.onclose = null;
    told?.({ code: reason ? 1013 : 1006, reason });
  }
}

export class World {
  now = 1_700_000_000_000;
  hidden = false;
  /** @type {Channel[]} */
  channels = [];
  /** What was asked over HTTP. @type {string[]} */
  asked = [];
  /** What HTTP answers; null for a node that is gone. @type {(url: URL) => { status?: number, headers?: Record<string, string>, body?: unknown } | null} */
  answer = (url) => (url.pathname.endsWith("/likes") ? { body: { liked: [] } } : { body: { node: "b1", url: "ws://b1.test/v1/streams/demo/live" } });
  /** Whether a browser refuses to open this. @type {(url: string) => boolean} */
  refuses = () => false;
  /** @type {unknown[]} */
  reported = [];
  /** @type {{ at: number, call: () => void }[]} */
  timers = [];
  seen = () => {};
  online = () => {};

  /** @param {number} [seed] */
  constructor(seed = 1) {
    this.random = seeded(seed);
  }

  /** @returns {Surroundings} */
  get around() {
    return {
      now: () => this.now,
      random: () => this.random(),
      after: (ms, call) => {
        const timer = { at: this.now + Math.max(0, ms), call };
        this.timers.push(timer);
        return () => void (this.timers = this.timers.filter((other) => other !== timer));
      },
      open: (url) => {
        if (this.refuses(url)) throw new Error("insecure");
        const channel = new Channel(url);
        this.channels.push(channel);
        return channel;
      },
      fetch: async (url) => {
        this.asked.push(url);
        const answer = this.answer(new URL(url));
        if (answer === null) throw new TypeError("failed to fetch");
        return new Response(JSON.stringify(answer.body ?? {}), { status: answer.status ?? 200, headers: answer.headers ?? {} });
      },
      origin: () => "http://b1.test",
      hidden: () => this.hidden,
      listen: (seen, online) => {
        [this.seen, this.online] = [seen, online];
        return () => void ([this.seen, this.online] = [() => {}, () => {}]);
      },
      report: (error) => void this.reported.push(error),
      storage: () => null,
    };
  }

  /** The newest socket. */
  get channel() {
    const channel = this.channels.at(-1);
    if (!channel) throw new Error("no socket was opened");
    return channel;
  }

  /** Lets answers of HTTP arrive. */
  async settle() {
    for (let turn = 0; turn < 30; turn++) await Promise.resolve();
    // The body of a real `Response` comes by a task of its own.
    await new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (port1.close(), resolve(null));
      port2.postMessage(null);
    });
    for (let turn = 0; turn < 30; turn++) await Promise.resolve();
  }

  /** Moves the clock, and calls what becomes due in its order. @param {number} ms */
  async advance(ms) {
    const until = this.now + ms;
    for (;;) {
      const [next] = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.now = Math.max(this.now, next.at);
      next.call();
      await this.settle();
    }
    this.now = until;
  }

  /**
   * A client of this world, in JSON.
   * @param {Partial<import("../dist/index.js").Options>} [options]
   */
  watch(options = {}) {
    return watchIn({ stream: "demo", viewer: "ann", name: "Ann", encoding: "json", storage: null, ...options }, this.around);
  }

  /** A client that is connected and has an empty view, at epoch 1 and seq 1. @param {Partial<import("../dist/index.js").Options>} [options] */
  async live(options = {}) {
    const live = this.watch(options);
    await this.settle();
    this.channel.say(welcome());
    this.channel.say(snapshot());
    await this.settle();
    return live;
  }
}

/** @param {number | string} number */
export const id = (number) => String(number).padStart(32, "0");

/** @param {object} [limits] */
export const welcome = (limits = {}) => ({
  type: "welcome",
  viewer: "ann",
  node: "b1",
  stream: "demo",
  placed: "b1",
  limits: { comment_bytes: 1000, comments_per_minute: 60, tap_interval_ms: 250, beat_ms: 20000, ...limits },
});

/** @param {number} number @param {object} [fields] */
export const line = (number, fields = {}) => ({ id: id(number), author: "bob", name: "Bob", body: `says ${number}`, at: 1_700_000_000_000 + number, likes: 0, ...fields });

/** @param {object} [fields] */
export const snapshot = (fields = {}) => ({ type: "snapshot", epoch: 1, seq: 1, partial: false, viewers: 1, reactions: {}, pinned: null, top: [], comments: [], ...fields });

/** @param {number} from @param {object} [fields] */
export const delta = (from, fields = {}) => ({ type: "delta", epoch: 1, from, seq: from + 1, shown: 0, total: 0, ...fields });
