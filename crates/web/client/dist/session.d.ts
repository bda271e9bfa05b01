import type { Codec } from "./codec.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Live } from "./view.ts";
export interface Settings {
    /** Origins of HTTP. */
    nodes: string[];
    stream: string;
    viewer: string;
    name: string;
    codec: Codec;
    listMax: number;
    storage: Pick<Storage, "getItem" | "setItem"> | null;
}
export declare class Session implements Live {
    private readonly settings;
    private readonly around;
    readonly subscribe: Live["subscribe"];
    readonly getSnapshot: Live["getSnapshot"];
    private readonly taps;
    private readonly outbox;
    private readonly stamps;
    private readonly state;
    private readonly store;
    private readonly lifeline;
    private readonly places;
    private readonly likes;
    private readonly pause;
    private stopTimer;
    private closed;
    constructor(settings: Settings, around: Surroundings);
    comment(body: string): string;
    again(key: string): void;
    dismiss(key: string): void;
    like(id: string): void;
    unlike(id: string): void;
    react(kind: string, count?: number): void;
    delete(id: string): void;
    pin(id: string | null): void;
    close(): void;
    private register;
    private moderate;
    /** Into the outbox, or refused here and now. */
    private write;
    private query;
    private connection;
    private welcome;
    private frame;
    private answer;
    private acknowledged;
    private rejected;
    /** Sends what may be sent, sets the timer to what is due next, and tells the page. */
    private flush;
}
