// A stream that is being watched: what `watch` makes of its options.
//
// The top of the package. Invariant: options are checked here, once; behind it all values are right.

import { json, msgpack } from "./codec.ts";
import { Session } from "./session.ts";
import { browser, type Surroundings } from "./surroundings.ts";
import type { Live } from "./view.ts";

/** What to watch, and how. */
export interface Options {
  /**
   * Any broadcast node, or what stands before them: "https://live.example". The page's own origin when absent. Of several,
   * another one is asked when one does not answer.
   */
  url?: string | URL | readonly (string | URL)[];
  /** 1 to 64 of `A-Z a-z 0-9 . _ -`, as is `viewer`. */
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

const LIST_MAX = 200;
const NAME_BYTES_MAX = 128;

/** Watches a stream until it is closed. Throws a `TypeError` for options that no server would take. */
export function watch(options: Options): Live {
  return watchIn(options, browser);
}

/** The same with a browser of one's own. */
export function watchIn(options: Options, around: Surroundings): Live {
  const { stream, viewer, name = viewer, listMax = LIST_MAX, storage } = options;
  for (const [what, value] of Object.entries({ stream, viewer })) {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(value)) throw new TypeError(`${what} is "${value}", 1 to 64 of A-Z a-z 0-9 . _ - are allowed`);
  }
  const bytes = new TextEncoder().encode(name).length;
  if (bytes < 1 || bytes > NAME_BYTES_MAX) throw new TypeError(`name is ${bytes} bytes, 1 to ${NAME_BYTES_MAX} fit`);
  if (!Number.isInteger(listMax) || listMax < 1) throw new TypeError(`listMax is ${listMax}, it must be a whole number from 1 on`);
  return new Session(
    {
      nodes: nodes(options.url ?? around.origin() ?? ""),
      stream,
      viewer,
      name,
      codec: options.encoding === "json" ? json : msgpack,
      listMax,
      storage: storage === undefined ? around.storage() : storage,
    },
    around,
  );
}

/** The origins of HTTP. */
function nodes(given: NonNullable<Options["url"]>): string[] {
  const urls = typeof given === "string" || given instanceof URL ? [given] : given;
  const origins = urls.map((url) => {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new TypeError(`url is "${url}", it must be of http: or https:`);
    return new URL(url).origin;
  });
  if (origins.length === 0) throw new TypeError("url is an empty list, one address is needed");
  return [...new Set(origins)];
}
