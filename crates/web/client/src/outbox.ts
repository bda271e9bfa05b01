// What this viewer has written and the server has not answered for good.
//
// Between a page's calls and a connection. Invariants: a write keeps its ref and its stamp through any number of
// connections and refusals with a delay; at most `UNANSWERED_MAX` are on their way at once; the others wait in their order,
// `WAITING_MAX` of them at most.

import { UNANSWERED_MAX } from "./limits.ts";
import type { Write } from "./wire.ts";

/** Writes that wait for a connection or for answers to earlier ones; one more is refused here. */
export const WAITING_MAX = 200;
/** The longest wait that a server's `retry_after_ms` is believed. */
export const RETRY_MS_MAX = 60_000;

interface Entry {
  write: Write;
  /** Whether it may have taken effect already. */
  tried: boolean;
  state: { at: "waiting" } | { at: "sent"; sentAt: number } | { at: "later"; dueAt: number };
}

export class Outbox {
  /** By ref, in the order of writing. */
  private readonly entries = new Map<string, Entry>();
  private written = 0;

  /** Refs begin with `session`, which no other session of this viewer has. */
  constructor(private readonly session: string) {}

  /** Whether one more may be written. */
  get full(): boolean {
    return this.entries.size >= UNANSWERED_MAX + WAITING_MAX;
  }

  get empty(): boolean {
    return this.entries.size === 0;
  }

  /** A ref that is unique for ever. */
  ref(): string {
    return `${this.session}-${++this.written}`;
  }

  add(write: Write): void {
    this.entries.set(write.ref, { write, tried: false, state: { at: "waiting" } });
  }

  /** Takes back the likes of this comment that were never sent, because a later word replaces them; their refs. */
  withdraw(id: string): string[] {
    const unsent = [...this.entries.values()].filter(({ write, tried }) => (write.type === "like" || write.type === "unlike") && write.id === id && !tried);
    for (const { write } of unsent) this.entries.delete(write.ref);
    return unsent.map(({ write }) => write.ref);
  }

  /** The writes that may be sent now, which counts as done. */
  take(now: number): Write[] {
    const entries = [...this.entries.values()];
    const free = UNANSWERED_MAX - entries.filter(({ state }) => state.at === "sent").length;
    const ready = entries.filter(({ state }) => state.at === "waiting" || (state.at === "later" && state.dueAt <= now)).slice(0, Math.max(0, free));
    for (const entry of ready) {
      entry.state = { at: "sent", sentAt: now };
      entry.tried = true;
    }
    return ready.map(({ write }) => write);
  }

  /** The connection is gone: whatever was on its way is to be sent again. */
  lost(): void {
    for (const entry of this.entries.values()) if (entry.state.at === "sent") entry.state = { at: "waiting" };
  }

  /** Takes out a write that is answered for good. */
  answered(ref: string): Write | null {
    const entry = this.entries.get(ref);
    this.entries.delete(ref);
    return entry?.write ?? null;
  }

  /** The server asks for the same again after a time. */
  again(ref: string, afterMs: number, now: number): void {
    const entry = this.entries.get(ref);
    if (entry) entry.state = { at: "later", dueAt: now + Math.min(afterMs, RETRY_MS_MAX) };
  }

  /** When the next write that was told to come later is due. */
  dueAt(): number | null {
    const due = [...this.entries.values()].flatMap(({ state }) => (state.at === "later" ? state.dueAt : []));
    return due.length > 0 ? Math.min(...due) : null;
  }

  /** Since when the connection owes an answer. */
  owedSince(): number | null {
    const sent = [...this.entries.values()].flatMap(({ state }) => (state.at === "sent" ? state.sentAt : []));
    return sent.length > 0 ? Math.min(...sent) : null;
  }
}
