// A stream that is being watched.

import type { Live } from "./view.ts";

/** What to watch, and how. */
export interface Options {
  /** Any broadcast node, or what stands before them: "https://live.example". The page's own origin when absent. */
  url?: string | URL;
  stream: string;
  viewer: string;
  /** How comments are signed; the viewer id when absent. */
  name?: string;
  /** MessagePack when absent. */
  encoding?: "msgpack" | "json";
  /** Comments that the view keeps, 200 when absent. */
  listMax?: number;
  /** Where stamps outlive a reload; `localStorage` when absent, null for nowhere. */
  storage?: Storage | null;
}

/** Watches a stream until it is closed. */
export function watch(_options: Options): Live {
  throw new Error("not written yet");
}
