// The messages of the client protocol as types, and the one place where something a server sent becomes one of them.
//
// Between the codecs and everything else. Invariant: a `ServerMessage` is whole and right in every field, so that nothing
// behind this file checks again; what cannot be right is a `WireError`, what is not known is left out.

/** The greatest number that the protocol has: 2^53-1. */
export const NUMBER_MAX = Number.MAX_SAFE_INTEGER;
/** Most kinds of reactions that are believed; a stream has at most 16 today. */
const KINDS_MAX = 64;
/** Longest text of a field; a comment has at most 4,000 bytes today, the address of a node far less. */
const TEXT_CHARS_MAX = 32 * 1024;

/** A comment as the server tells it. */
export interface Line {
  id: string;
  author: string;
  name: string;
  body: string;
  at: number;
  likes: number;
}

export interface Welcome {
  type: "welcome";
  viewer: string;
  node: string;
  limits: { commentBytes: number; commentsPerMinute: number; tapIntervalMs: number; beatMs: number };
}

export interface Snapshot {
  type: "snapshot";
  epoch: number;
  seq: number;
  partial: boolean;
  viewers: number;
  reactions: Map<string, number>;
  pinned: Line | null;
  top: Line[];
  comments: Line[];
}

/** Absent fields are undefined: unchanged. */
export interface Delta {
  type: "delta";
  epoch: number;
  from: number;
  seq: number;
  comments: Line[];
  likes: [id: string, count: number][];
  deleted: string[];
  pinned: Line | null | undefined;
  top: Line[] | undefined;
  reactions: Map<string, number> | undefined;
  viewers: number | undefined;
  shown: number;
  total: number;
}

export interface Beat {
  type: "beat";
  epoch: number;
  seq: number;
}

export interface Ack {
  type: "ack";
  ref: string;
  id: string | null;
  /** The register as it now is; null but for likes. */
  liked: boolean | null;
  stamp: number | null;
}

export interface Reject {
  type: "reject";
  ref: string | null;
  code: string;
  message: string;
  retryAfterMs: number | null;
}

export interface Move {
  type: "move";
  url: string;
  afterMs: number;
}

export type Frame = Snapshot | Delta | Beat;
export type Answer = Ack | Reject;
export type ServerMessage = Welcome | Frame | Answer | Move;

/** What a viewer writes and is answered. */
export type Write =
  | { type: "comment"; ref: string; body: string }
  | { type: "like" | "unlike"; ref: string; id: string; stamp: number }
  | { type: "delete"; ref: string; id: string }
  | { type: "pin"; ref: string; id: string | null };

export type ClientMessage = Write | { type: "react"; kind: string; count: number };

/** Something that no server of this protocol says. */
export class WireError extends Error {}

type Fields = Record<string, unknown>;

/** The message that these fields are; null for a type that is not known. */
export function serverMessage(value: unknown): ServerMessage | null {
  const fields = object(value, "message");
  switch (text(fields.type, "type")) {
    case "welcome":
      return welcome(fields);
    case "snapshot":
      return snapshot(fields);
    case "delta":
      return delta(fields);
    case "beat":
      return { type: "beat", epoch: number(fields.epoch, "epoch"), seq: number(fields.seq, "seq") };
    case "ack":
      return {
        type: "ack",
        ref: text(fields.ref, "ref"),
        id: maybe(fields.id, id, "id"),
        liked: maybe(fields.liked, flag, "liked"),
        stamp: maybe(fields.stamp, number, "stamp"),
      };
    case "reject":
      return {
        type: "reject",
        ref: maybe(fields.ref, text, "ref"),
        code: text(fields.code, "code"),
        message: text(fields.message, "message"),
        retryAfterMs: maybe(fields.retry_after_ms, number, "retry_after_ms"),
      };
    case "move":
      return { type: "move", url: text(fields.url, "url"), afterMs: number(fields.after_ms, "after_ms") };
    default:
      return null;
  }
}

function welcome(fields: Fields): Welcome {
  const limits = object(fields.limits, "limits");
  return {
    type: "welcome",
    viewer: text(fields.viewer, "viewer"),
    node: text(fields.node, "node"),
    limits: {
      commentBytes: number(limits.comment_bytes, "comment_bytes"),
      commentsPerMinute: number(limits.comments_per_minute, "comments_per_minute"),
      tapIntervalMs: number(limits.tap_interval_ms, "tap_interval_ms"),
      beatMs: number(limits.beat_ms, "beat_ms"),
    },
  };
}

function snapshot(fields: Fields): Snapshot {
  return {
    type: "snapshot",
    epoch: number(fields.epoch, "epoch"),
    seq: number(fields.seq, "seq"),
    partial: flag(fields.partial, "partial"),
    viewers: number(fields.viewers, "viewers"),
    reactions: tallies(fields.reactions, "reactions"),
    pinned: maybe(fields.pinned, line, "pinned"),
    top: list(fields.top, line, "top"),
    comments: list(fields.comments, line, "comments"),
  };
}

function delta(fields: Fields): Delta {
  const [from, seq] = [number(fields.from, "from"), number(fields.seq, "seq")];
  if (seq <= from) throw new WireError(`delta goes from ${from} to ${seq}, it must go forward`);
  const [shown, total] = [number(fields.shown, "shown"), number(fields.total, "total")];
  if (shown > total) throw new WireError(`delta shows ${shown} comments of ${total}`);
  return {
    type: "delta",
    epoch: number(fields.epoch, "epoch"),
    from,
    seq,
    comments: list(fields.comments ?? [], line, "comments"),
    likes: list(fields.likes ?? [], count, "likes"),
    deleted: list(fields.deleted ?? [], id, "deleted"),
    pinned: fields.pinned === undefined ? undefined : maybe(fields.pinned, line, "pinned"),
    top: absent(fields.top) ? undefined : list(fields.top, line, "top"),
    reactions: absent(fields.reactions) ? undefined : tallies(fields.reactions, "reactions"),
    viewers: absent(fields.viewers) ? undefined : number(fields.viewers, "viewers"),
    shown,
    total,
  };
}

function line(value: unknown, what: string): Line {
  const fields = object(value, what);
  return {
    id: id(fields.id, "id"),
    author: text(fields.author, "author"),
    name: text(fields.name, "name"),
    body: text(fields.body, "body"),
    at: number(fields.at, "at"),
    likes: number(fields.likes, "likes"),
  };
}

function count(value: unknown, what: string): [string, number] {
  if (!Array.isArray(value)) throw wrong(value, "an id and its count", what);
  return [id(value[0], what), number(value[1], what)];
}

/** A map, because a kind may have any name, that of a property of all objects too. */
function tallies(value: unknown, what: string): Map<string, number> {
  const entries = Object.entries(object(value, what));
  if (entries.length > KINDS_MAX) throw new WireError(`${what} has ${entries.length} kinds, at most ${KINDS_MAX} are believed`);
  return new Map(entries.map(([kind, taps]) => [kind, number(taps, what)]));
}

function list<T>(value: unknown, of: (value: unknown, what: string) => T, what: string): T[] {
  if (!Array.isArray(value)) throw wrong(value, "a list", what);
  return value.map((one) => of(one, what));
}

const absent = (value: unknown) => value === undefined || value === null;

function maybe<T>(value: unknown, of: (value: unknown, what: string) => T, what: string): T | null {
  return absent(value) ? null : of(value, what);
}

function object(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(value, "an object", what);
  return value as Fields;
}

function text(value: unknown, what: string): string {
  if (typeof value !== "string") throw wrong(value, "text", what);
  if (value.length > TEXT_CHARS_MAX) throw new WireError(`${what} has ${value.length} characters, at most ${TEXT_CHARS_MAX} are read`);
  return value;
}

function id(value: unknown, what: string): string {
  if (typeof value !== "string" || !/^[0-9a-f]{32}$/.test(value)) throw wrong(value, "32 hexadecimal digits", what);
  return value;
}

function flag(value: unknown, what: string): boolean {
  if (typeof value !== "boolean") throw wrong(value, "true or false", what);
  return value;
}

function number(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(value, `a whole number up to ${NUMBER_MAX}`, what);
  return value as number;
}

function wrong(value: unknown, expected: string, what: string): WireError {
  return new WireError(`${what} is ${String(typeof value === "object" ? value && "an object" : value).slice(0, 80)}, it must be ${expected}`);
}
