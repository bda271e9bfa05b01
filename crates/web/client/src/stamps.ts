// The stamps that order this viewer's likes: increasing, over reloads and across tabs.
//
// Between a like and the outbox. Invariant: each stamp is greater than all that this storage and the server's answers are
// known to hold, as long as the storage works; one that fails (private mode, quota) costs only the memory of other tabs.

import { STAMP_AHEAD_MS_MAX } from "./limits.ts";

/** The one key in the storage: one number for all streams and viewers, so that it cannot grow. */
export const STORAGE_KEY = "watershed.stamp";

export class Stamps {
  private last = 0;

  constructor(
    private readonly storage: Pick<Storage, "getItem" | "setItem"> | null,
    private readonly now: () => number,
  ) {}

  next(): number {
    const stamp = Math.max(Math.floor(this.now()), this.last + 1, this.stored() + 1);
    this.seen(stamp);
    return stamp;
  }

  /** The server holds a register with this stamp: the next one is greater. */
  seen(stamp: number): void {
    if (stamp <= this.last) return;
    this.last = stamp;
    try {
      this.storage?.setItem(STORAGE_KEY, String(stamp));
    } catch {
      // The quota is used up, or the page may not store anything.
    }
  }

  /** What another tab or an earlier visit left. A clock that was far ahead then must not spoil every like for good. */
  private stored(): number {
    try {
      const stamp = Number(this.storage?.getItem(STORAGE_KEY) ?? 0);
      return Number.isSafeInteger(stamp) && stamp > 0 && stamp <= this.now() + STAMP_AHEAD_MS_MAX ? stamp : 0;
    } catch {
      return 0;
    }
  }
}
