// The view as an observable: what a page subscribes to.
//
// Between the state and the pages. Invariant: the view is the same object until something changes, and a listener that throws
// harms nobody but itself.

import type { View } from "./view.ts";

export class Store {
  private view: View;
  private readonly listeners = new Set<{ call: () => void }>();

  constructor(
    private readonly read: () => View,
    private readonly report: (error: unknown) => void,
  ) {
    this.view = read();
  }

  /** Bound, as is `getSnapshot`: both are handed to `useSyncExternalStore` as they are. */
  readonly subscribe = (call: () => void): (() => void) => {
    const listener = { call };
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  readonly getSnapshot = (): View => this.view;

  /** Something may have changed. */
  changed(): void {
    const view = this.read();
    if (view === this.view) return;
    this.view = view;
    for (const listener of [...this.listeners]) {
      try {
        listener.call();
      } catch (error) {
        this.report(error);
      }
    }
  }
}
