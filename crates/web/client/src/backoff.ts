// How long to wait before the next try: full jitter (Brooker, "Exponential backoff and jitter", 2015).
//
// Invariant: a wait is never shorter than what a server asked for, and a crowd that lost one node does not come back as one
// wave.

/** The bound of the first wait; each failure doubles it. */
const FIRST_MS = 250;
/** The bound of all waits. */
export const WAIT_MS_MAX = 10_000;
/** The longest wait that a server may ask for. */
export const ASKED_MS_MAX = 60_000;

export class Backoff {
  private failures = 0;

  constructor(private readonly random: () => number) {}

  /** After something that worked. */
  reset(): void {
    this.failures = 0;
  }

  /** The wait after one more failure. A server that asks for a time gives each client another one: it is kept to. */
  wait(askedMs: number | null): number {
    const jitter = this.random() * Math.min(WAIT_MS_MAX, FIRST_MS * 2 ** Math.min(this.failures, 16));
    this.failures++;
    return askedMs === null ? jitter : Math.min(askedMs, ASKED_MS_MAX) + (this.failures > 3 ? jitter : 0);
  }
}

/** The wait that the reason of a close asks for. */
export function askedFor(reason: string): number | null {
  const digits = /retry_after_ms=(\d{1,9})/.exec(reason)?.[1];
  return digits === undefined ? null : Number(digits);
}
