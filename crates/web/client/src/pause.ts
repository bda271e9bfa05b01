// Nobody looks: a page that is hidden for long receives nothing.
//
// Between the page's visibility and the lifeline. Invariant: what this viewer wrote is answered before the pause begins.

import type { Surroundings } from "./surroundings.ts";

/** How long a page stays connected while it is hidden: who only glances at another tab misses nothing. */
export const HIDDEN_MS_MAX = 30_000;
/** When to look again while an answer is due. */
const BUSY_MS = 2_000;

export interface Pausable {
  busy(): boolean;
  pause(): void;
  resume(): void;
  online(): void;
}

export class Pause {
  private paused = false;
  private stopTimer: () => void = () => {};
  private readonly stopListening: () => void;

  constructor(
    private readonly around: Surroundings,
    private readonly session: Pausable,
  ) {
    this.stopListening = around.listen(() => this.seen(), () => session.online());
    this.seen();
  }

  close(): void {
    this.stopTimer();
    this.stopListening();
  }

  private seen(): void {
    this.stopTimer();
    if (this.around.hidden()) {
      this.stopTimer = this.around.after(HIDDEN_MS_MAX, () => this.rest());
    } else if (this.paused) {
      this.paused = false;
      this.session.resume();
    }
  }

  private rest(): void {
    if (this.paused) return;
    if (this.session.busy()) {
      this.stopTimer = this.around.after(BUSY_MS, () => this.rest());
      return;
    }
    this.paused = true;
    this.session.pause();
  }
}
