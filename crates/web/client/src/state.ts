// What this viewer sees, folded from frames, from the answers to its writes, and from what it has just done.
//
// Pure: between the connection, which gives messages, and the store, which shows the view. Invariants: the rules of the
// protocol to the letter (a snapshot replaces, a delta continues exactly); one comment is one row, wherever it stands; and
// memory is bounded by `listMax` and what the outbox holds.

import { draft, Row, type Draft } from "./row.ts";
import type { Taps } from "./taps.ts";
import type { Comment, Connection, Limits, View } from "./view.ts";
import type { Ack, Delta, Frame, Line, Reject, Snapshot } from "./wire.ts";

/** Rejected comments that wait to be sent again or dismissed; of more, the oldest are dismissed. */
export const REJECTED_MAX = 20;
/** Comments that are most liked; a server tells no more today. */
const TOP_MAX = 5;
/** Deleted comments that are remembered, so that a late answer does not bring one back. */
const DELETED_MAX = 256;

/** Where a view stands. */
export interface Point {
  epoch: number;
  seq: number;
}

export class State {
  point: Point | null = null;
  connection: Connection = { state: "connecting" };
  limits: Limits | null = null;
  private readonly rows = new Map<string, Row>();
  /** The list, oldest first. */
  private list: Row[] = [];
  private top: Row[] = [];
  private pinned: Row | null = null;
  private drafts: Draft[] = [];
  private deleted = new Set<string>();
  private viewers = 0;
  private reactions: Map<string, number> = new Map();
  private unseen = 0;
  private partial = false;
  private last: View | null = null;

  constructor(
    private readonly self: { viewer: string; name: string },
    private readonly listMax: number,
    private readonly taps: Taps,
  ) {}

  /** Takes a frame; false if it does not continue what this has, so that the connection must be broken. */
  frame(frame: Frame, now: number): boolean {
    const { point } = this;
    switch (frame.type) {
      case "snapshot":
        this.snapshot(frame, now);
        return true;
      case "delta":
        if (point?.epoch !== frame.epoch || point.seq !== frame.from) return false;
        this.delta(frame, now);
        return true;
      case "beat":
        return point === null || (point.epoch === frame.epoch && point.seq === frame.seq);
    }
  }

  private snapshot(frame: Snapshot, now: number): void {
    const before = new Map(this.rows);
    const kept = this.list.filter((row) => !row.framed);
    this.rows.clear();
    this.list = [];
    this.point = { epoch: frame.epoch, seq: frame.seq };
    for (const line of frame.comments) this.append(line, false, before);
    this.top = frame.top.slice(0, TOP_MAX).map((line) => this.cover(line, false, before));
    this.pinned = frame.pinned && this.cover(frame.pinned, false, before);
    for (const row of kept) if (!row.framed) this.keep(row);
    ({ viewers: this.viewers, partial: this.partial } = frame);
    this.unseen = 0;
    this.count(frame.reactions, now, true);
    this.trim();
  }

  private delta(frame: Delta, now: number): void {
    this.point = { epoch: frame.epoch, seq: frame.seq };
    for (const line of frame.comments) this.append(line, true);
    const replaced = [...(frame.top ? this.top : []), ...(frame.pinned !== undefined && this.pinned ? [this.pinned] : [])];
    if (frame.top) this.top = frame.top.slice(0, TOP_MAX).map((line) => this.cover(line, false));
    if (frame.pinned !== undefined) this.pinned = frame.pinned && this.cover(frame.pinned, false);
    for (const row of replaced) this.release(row);
    for (const [id, count] of frame.likes) this.rows.get(id)?.like.count(count);
    for (const id of frame.deleted) this.remove(id);
    if (frame.reactions) this.count(frame.reactions, now, false);
    this.viewers = frame.viewers ?? this.viewers;
    this.unseen += frame.total - frame.shown;
    this.trim();
  }

  /** A comment that a frame shows, at the end of the list. `born` says that it is new to the world. */
  private append(line: Line, born: boolean, before?: Map<string, Row>): void {
    const covered = this.rows.get(line.id);
    // What was acknowledged before its frame came takes the frame's place now.
    if (covered?.listed && !covered.framed) this.list.splice(this.list.indexOf(covered), 1);
    else if (covered?.listed) return;
    const row = this.cover(line, born, before);
    row.listed = true;
    this.list.push(row);
  }

  /** The one row of this comment, with the server's count. */
  private cover(line: Line, born: boolean, before?: Map<string, Row>): Row {
    let row = this.rows.get(line.id) ?? before?.get(line.id);
    if (row) {
      row.line = line;
      row.like.count(line.likes);
    } else {
      const own = line.author === this.self.viewer;
      row = new Row(line, (own && this.match(line)) || line.id, own, true, born);
    }
    row.framed = true;
    if (before?.delete(line.id)) row.listed = false;
    this.rows.set(line.id, row);
    return row;
  }

  /** The key of a draft that this comment seems to be: the answer, which may come later, will tell. */
  private match(line: Line): string | null {
    const alike = this.drafts.find((draft) => draft.comment.sent.state === "sending" && !draft.match && cleaned(draft.comment.body) === line.body);
    if (!alike) return null;
    alike.match = line.id;
    return alike.comment.key;
  }

  /** An own comment that no frame has shown stays, beside those of its time. */
  private keep(row: Row): void {
    const after = this.list.findIndex((listed) => listed.line.at > row.line.at);
    this.rows.set(row.line.id, row);
    this.list.splice(after < 0 ? this.list.length : after, 0, row);
  }

  private remove(id: string): void {
    this.deleted.add(id);
    for (const oldest of this.deleted) {
      if (this.deleted.size <= DELETED_MAX) break;
      this.deleted.delete(oldest);
    }
    const row = this.rows.get(id);
    if (!row) return;
    this.rows.delete(id);
    if (row.listed) this.list.splice(this.list.indexOf(row), 1);
    if (this.pinned === row) this.pinned = null;
    this.top = this.top.filter((top) => top !== row);
  }

  private trim(): void {
    for (const row of this.list.splice(0, Math.max(0, this.list.length - this.listMax))) {
      row.listed = false;
      this.release(row);
    }
  }

  /** Forgets a comment that stands nowhere any more. */
  private release(row: Row): void {
    if (!row.listed && this.pinned !== row && !this.top.includes(row)) this.rows.delete(row.line.id);
  }

  private count(reactions: Map<string, number>, now: number, anew: boolean): void {
    this.reactions = reactions;
    this.taps.counted(reactions, now, anew);
  }

  /** The row of a comment that the view covers. */
  row(id: string): Row | undefined {
    return this.rows.get(id);
  }

  /** Comments of which it is not known whether this viewer likes them. */
  untold(): Row[] {
    return [...this.rows.values()].filter((row) => !row.like.told);
  }

  /** A new comment of this viewer; its key. */
  write(ref: string, body: string, now: number): string {
    const own = draft(ref, this.self.viewer, this.self.name, body, now);
    this.drafts.push(own);
    return own.comment.key;
  }

  /** The body of a rejected comment, which is taken out. */
  dismiss(key: string): string | null {
    const at = this.drafts.findIndex((draft) => draft.comment.key === key && draft.comment.sent.state === "rejected");
    return at < 0 ? null : this.drafts.splice(at, 1)[0]!.comment.body;
  }

  /** A comment of this viewer is stored under this id. */
  stored(ack: Ack): void {
    const own = this.drafts.find((draft) => draft.ref === ack.ref);
    if (!own) return;
    const { match, comment } = own;
    this.drafts.splice(this.drafts.indexOf(own), 1);
    if (match !== ack.id) this.exchange(match, ack.id);
    // It was in a frame, and is not in the view any more: deleted, or pushed out by newer ones.
    if (!ack.id || match === ack.id || this.deleted.has(ack.id)) return;
    const { key, author, name, body, at } = comment;
    const framed = this.rows.get(ack.id);
    if (framed) {
      framed.key = key;
      return;
    }
    const row = new Row({ id: ack.id, author, name, body: cleaned(body), at, likes: 0 }, key, true, false, true);
    row.listed = true;
    this.rows.set(ack.id, row);
    this.list.push(row);
    this.trim();
  }

  /** A comment of this viewer is refused for good. */
  refuse(reject: Pick<Reject, "code" | "message"> & { ref: string }): void {
    const own = this.drafts.find((draft) => draft.ref === reject.ref);
    if (!own) return;
    this.exchange(own.match, null);
    own.match = null;
    own.comment = { ...own.comment, sent: { state: "rejected", code: reject.code, message: reject.message } };
    const rejected = this.drafts.filter((draft) => draft.comment.sent.state === "rejected");
    for (const old of rejected.slice(0, -REJECTED_MAX)) this.drafts.splice(this.drafts.indexOf(old), 1);
  }

  /** A draft had taken the wrong comment, or none. If another of the same words has taken the right one, they change. */
  private exchange(wrong: string | null, right: string | null): void {
    const other = this.drafts.find((draft) => right !== null && draft.match === right);
    if (other) other.match = wrong;
    const row = wrong === null ? undefined : this.rows.get(wrong);
    if (row) row.key = other?.comment.key ?? row.line.id;
  }

  /** Ends the doubt about likes whose time is over; when the next one is due. */
  settle(now: number): number | null {
    const due = [...this.rows.values()].flatMap(({ like }) => {
      if (like.settlesAt !== null && like.settlesAt <= now) like.settle();
      return like.settlesAt ?? [];
    });
    return due.length > 0 ? Math.min(...due) : null;
  }

  /** The view now: the same object, and the same objects below it, where nothing has changed. */
  view(): View {
    const { last, connection, viewers, unseen, partial, limits } = this;
    const drafts = this.drafts.filter((draft) => !draft.match).map((draft) => draft.comment);
    const shown = [...this.list.map((row) => row.comment()), ...drafts].slice(-this.listMax);
    const comments = kept(last?.comments, shown);
    const top = kept(last?.top, this.top.map((row) => row.comment()));
    const pinned = this.pinned?.comment() ?? null;
    const reactions = keptTallies(last?.reactions, this.taps.shown(this.reactions));
    const view: View = { connection, viewers, reactions, comments, pinned, top, unseen, partial, limits };
    const same = last && (Object.keys(view) as (keyof View)[]).every((field) => view[field] === last[field]);
    return same ? last : (this.last = view);
  }
}

/** The list before, if it has the same elements. */
function kept(before: readonly Comment[] | undefined, now: readonly Comment[]): readonly Comment[] {
  return before?.length === now.length && before.every((one, at) => one === now[at]) ? before : now;
}

function keptTallies(before: Readonly<Record<string, number>> | undefined, now: Map<string, number>): Readonly<Record<string, number>> {
  const same = before && Object.keys(before).length === now.size && [...now].every(([kind, count]) => Object.hasOwn(before, kind) && before[kind] === count);
  return same ? before : Object.fromEntries(now);
}

/** As the server keeps a body: without the characters that override the direction of text. */
function cleaned(body: string): string {
  return body.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
}
