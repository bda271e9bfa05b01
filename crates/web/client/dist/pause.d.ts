import type { Surroundings } from "./surroundings.ts";
/** How long a page stays connected while it is hidden: who only glances at another tab misses nothing. */
export declare const HIDDEN_MS_MAX = 30000;
export interface Pausable {
    busy(): boolean;
    pause(): void;
    resume(): void;
    online(): void;
}
export declare class Pause {
    private readonly around;
    private readonly session;
    private paused;
    private stopTimer;
    private readonly stopListening;
    constructor(around: Surroundings, session: Pausable);
    close(): void;
    private seen;
    private rest;
}
