// Taps of this viewer: gathered, sent at the interval that the server told, and counted in until its frames have them.
//
// Between the buttons of a page and a connection. Taps have no answer. Invariants: at most one message for each interval,
// whatever is tapped; and a count on the screen does not fall because taps have left for the server, whose frames tell
// reactions seldom.

import { TAPS_PER_MESSAGE_MAX } from "./limits.ts";

/** Kinds that are gathered at a time; a stream has at most 16 today. */
const KINDS_MAX = 16;
/** Taps of one kind that wait; more are dropped. Ten messages. */
const WAITING_MAX = 1_000;
/** In a frame that comes so long after taps were sent they are counted, if they were not dropped. */
const FLIGHT_MS = 1_000;

interface Flight {
  kind: string;
  count: number;
  sentAt: number;
}

export class Taps {
  /** Not sent yet, the kind that waits longest first. */
  private waiting = new Map<string, number>();
  /** Sent, and maybe not in a frame yet. */
  private flights: Flight[] = [];
  /** What was shown last. */
  private seen = new Map<string, number>();
  private sentAt = -Infinity;

  tap(kind: string, count: number): void {
    const whole = Math.floor(count);
    if (!(whole >= 1) || (!this.waiting.has(kind) && this.waiting.size >= KINDS_MAX)) return;
    const waiting = this.waiting.get(kind) ?? 0;
    const added = Math.min(whole, WAITING_MAX - waiting);
    this.waiting.set(kind, waiting + added);
    this.seen.set(kind, (this.seen.get(kind) ?? 0) + added);
  }

  /** When the next message may be sent; null while nothing waits. */
  dueAt(intervalMs: number): number | null {
    return this.waiting.size > 0 ? this.sentAt + intervalMs : null;
  }

  /** The next message, which is sent now. */
  take(now: number): { kind: string; count: number } | null {
    const [next] = this.waiting;
    if (!next) return null;
    const [kind, waiting] = next;
    const count = Math.min(waiting, TAPS_PER_MESSAGE_MAX);
    this.waiting.delete(kind);
    if (waiting > count) this.waiting.set(kind, waiting - count);
    this.sentAt = now;
    this.fly({ kind, count, sentAt: now });
    return { kind, count };
  }

  /** Of one kind, flights of the same half second are one, and so are all that the next frame ends. */
  private fly(flight: Flight): void {
    const age = ({ sentAt }: Flight) => flight.sentAt - sentAt;
    const kin = this.flights.filter(({ kind }) => kind === flight.kind);
    const [recent] = kin.filter((other) => age(other) < FLIGHT_MS / 2);
    if (recent) recent.count += flight.count;
    else this.flights.push(flight);
    const [first, ...rest] = kin.filter((other) => age(other) >= FLIGHT_MS);
    for (const old of rest) first!.count += old.count;
    this.flights = this.flights.filter((other) => !rest.includes(other));
  }

  /** The server has told its counts; `anew` after a gap, in which nothing is known of what was sent. */
  counted(reactions: Map<string, number>, now: number, anew: boolean): void {
    this.flights = this.flights.filter(({ sentAt }) => !anew && now - sentAt < FLIGHT_MS);
    if (anew) this.seen = new Map(reactions);
  }

  /** What to show for the server's counts: of those that can be true, the one that is nearest to what was shown. */
  shown(reactions: Map<string, number>): Map<string, number> {
    const shown = new Map(reactions);
    for (const kind of new Set([...this.waiting.keys(), ...this.flights.map((flight) => flight.kind)])) {
      const least = (reactions.get(kind) ?? 0) + (this.waiting.get(kind) ?? 0);
      const most = this.flights.reduce((sum, flight) => (flight.kind === kind ? sum + flight.count : sum), least);
      shown.set(kind, Math.min(most, Math.max(least, this.seen.get(kind) ?? least)));
    }
    this.seen = shown;
    return shown;
  }
}
