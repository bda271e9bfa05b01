// What the client needs of a browser, in one place.
//
// Beside everything: the parts take time, sockets and events from here. Invariant: nothing else in the package names a global
// of the browser, so that a test can be the other side of each of them.

/** As much of a WebSocket as is used. */
export interface Channel {
  binaryType: string;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface Surroundings {
  /** Milliseconds since 1970. */
  now(): number;
  /** From 0 to 1. */
  random(): number;
  /** Calls once after a time; the result takes it back. */
  after(ms: number, call: () => void): () => void;
  open(url: string, subprotocol: string): Channel;
  fetch(url: string, signal: AbortSignal): Promise<Response>;
  /** Where the page came from. */
  origin(): string | undefined;
  /** Whether nobody sees the page. */
  hidden(): boolean;
  /** Calls when the page is hidden or shown, and when the network has come back; the result ends it. */
  listen(seen: () => void, online: () => void): () => void;
  /** An error in a page's own code. */
  report(error: unknown): void;
  storage(): Storage | null;
}

/** The longest time that a browser's timer takes. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const browser: Surroundings = {
  now: () => Date.now(),
  random: () => Math.random(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(Math.max(0, ms), TIMER_MS_MAX));
    return () => clearTimeout(timer);
  },
  open: (url, subprotocol) => new WebSocket(url, [subprotocol]) as Channel,
  fetch: (url, signal) => fetch(url, { signal, credentials: "omit" }),
  origin: () => globalThis.location?.origin,
  hidden: () => globalThis.document?.visibilityState === "hidden",
  listen(seen, online) {
    globalThis.document?.addEventListener("visibilitychange", seen);
    globalThis.addEventListener?.("online", online);
    return () => {
      globalThis.document?.removeEventListener("visibilitychange", seen);
      globalThis.removeEventListener?.("online", online);
    };
  },
  report: (error) => (globalThis.reportError ?? console.error)(error),
  storage() {
    try {
      return globalThis.localStorage ?? null;
    } catch {
      return null;
    }
  },
};
