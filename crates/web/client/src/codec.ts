// The two encodings of the protocol: JSON text, and MessagePack arrays.
//
// Between a socket and the messages. Invariant: the same session gives the same messages in both, because MessagePack's
// arrays become the fields that JSON has, and both then pass the same check (`wire.ts`).

import { Decoder } from "@msgpack/msgpack";
import { pack, type Packable } from "./pack.ts";
import { serverMessage, WireError, type ClientMessage, type ServerMessage } from "./wire.ts";

/** What a message of a server may weigh; a whole snapshot of 100 comments of 4,000 bytes has less than a tenth of it. */
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** How messages look on a connection. */
export interface Codec {
  readonly subprotocol: string;
  encode(message: ClientMessage): string | Uint8Array<ArrayBuffer>;
  /** The message; null for one whose type is not known. Throws a `WireError` for what cannot be right. */
  decode(data: unknown): ServerMessage | null;
}

export const json: Codec = {
  subprotocol: "live.v1.json",
  encode: (message) => JSON.stringify(message),
  decode(data) {
    if (typeof data !== "string") throw new WireError("a message in JSON must be text");
    bounded(data.length);
    return serverMessage(parsed(() => JSON.parse(data)));
  },
};

export const msgpack: Codec = {
  subprotocol: "live.v1.msgpack",
  encode: (message) => pack(array(message)),
  decode(data) {
    if (!(data instanceof ArrayBuffer)) throw new WireError("a message in MessagePack must be bytes");
    bounded(data.byteLength);
    const elements = parsed(() => decoder.decode(data));
    if (!Array.isArray(elements) || !Number.isSafeInteger(elements[0])) throw new WireError("a message must be an array that begins with its number");
    const fields = FIELDS[elements[0]]?.(elements);
    return fields ? serverMessage(fields) : null;
  },
};

const decoder = new Decoder();

function bounded(bytes: number): void {
  if (bytes > MESSAGE_BYTES_MAX) throw new WireError(`message is ${bytes} bytes, at most ${MESSAGE_BYTES_MAX} are read`);
}

function parsed(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    throw new WireError(`not a message: ${error instanceof Error ? error.message : error}`);
  }
}

function array(message: ClientMessage): Packable[] {
  switch (message.type) {
    case "comment":
      return [0, message.ref, message.body];
    case "like":
      return [1, message.ref, bytes(message.id), message.stamp];
    case "unlike":
      return [2, message.ref, bytes(message.id), message.stamp];
    case "react":
      return [3, message.kind, message.count];
    case "delete":
      return [4, message.ref, bytes(message.id)];
    case "pin":
      return [5, message.ref, message.id && bytes(message.id)];
  }
}

type Elements = unknown[];

/** The fields of each message, by its number. */
const FIELDS: ((elements: Elements) => Record<string, unknown>)[] = [
  ([, viewer, node, stream, placed, limits]) => {
    const [comment_bytes, comments_per_minute, tap_interval_ms, beat_ms] = elements(limits, "limits");
    return { type: "welcome", viewer, node, stream, placed, limits: { comment_bytes, comments_per_minute, tap_interval_ms, beat_ms } };
  },
  ([, epoch, seq, partial, viewers, reactions, pinned, top, comments]) => ({
    type: "snapshot",
    epoch,
    seq,
    partial,
    viewers,
    reactions,
    pinned: pinned === null ? null : comment(pinned),
    top: each(top, comment),
    comments: each(comments, comment),
  }),
  ([, epoch, from, seq, comments, likes, deleted, pinned, top, reactions, viewers, shown, total]) => ({
    type: "delta",
    epoch,
    from,
    seq,
    comments: each(comments, comment),
    likes: each(likes, (like) => {
      const [id, count] = elements(like, "likes");
      return [hex(id), count];
    }),
    deleted: each(deleted, hex),
    // Nil is "unchanged", an empty array "nothing is pinned".
    pinned: pinned === null ? undefined : (each(pinned, comment)[0] ?? null),
    top: top === null ? undefined : each(top, comment),
    reactions,
    viewers,
    shown,
    total,
  }),
  ([, epoch, seq]) => ({ type: "beat", epoch, seq }),
  ([, ref, id, liked, stamp]) => ({ type: "ack", ref, id: id === null ? null : hex(id), liked, stamp }),
  ([, ref, code, message, retry_after_ms]) => ({ type: "reject", ref, code, message, retry_after_ms }),
  ([, url, after_ms]) => ({ type: "move", url, after_ms }),
];

function comment(value: unknown): Record<string, unknown> {
  const [id, author, name, body, at, likes] = elements(value, "comment");
  return { id: hex(id), author, name, body, at, likes };
}

function each<T>(value: unknown, of: (value: unknown) => T): T[] {
  return elements(value, "list").map(of);
}

function elements(value: unknown, what: string): Elements {
  if (!Array.isArray(value)) throw new WireError(`${what} must be an array`);
  return value;
}

/** What is not 16 bytes stays what it is, for the check behind to say what is wrong with it. */
function hex(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return null;
  return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytes(id: string): Uint8Array {
  return Uint8Array.from({ length: id.length / 2 }, (_, at) => parseInt(id.slice(2 * at, 2 * at + 2), 16));
}
