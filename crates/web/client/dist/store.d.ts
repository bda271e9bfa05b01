import type { View } from "./view.ts";
export declare class Store {
    private readonly read;
    private readonly report;
    private view;
    private readonly listeners;
    constructor(read: () => View, report: (error: unknown) => void);
    /** Bound, as is `getSnapshot`: both are handed to `useSyncExternalStore` as they are. */
    readonly subscribe: (call: () => void) => (() => void);
    readonly getSnapshot: () => View;
    /** Something may have changed. */
    changed(): void;
}
