import type { Write } from "./wire.ts";
/** Writes that wait for a connection or for answers to earlier ones; one more is refused here. */
export declare const WAITING_MAX = 200;
/** The longest wait that a server's `retry_after_ms` is believed. */
export declare const RETRY_MS_MAX = 60000;
export declare class Outbox {
    private readonly session;
    /** By ref, in the order of writing. */
    private readonly entries;
    private written;
    /** Refs begin with `session`, which no other session of this viewer has. */
    constructor(session: string);
    /** Whether one more may be written. */
    get full(): boolean;
    get empty(): boolean;
    /** A ref that is unique for ever. */
    ref(): string;
    add(write: Write): void;
    /** Takes back the likes of this comment that were never sent, because a later word replaces them; their refs. */
    withdraw(id: string): string[];
    /** The writes that may be sent now, which counts as done. */
    take(now: number): Write[];
    /** The connection is gone: whatever was on its way is to be sent again. */
    lost(): void;
    /** Takes out a write that is answered for good. */
    answered(ref: string): Write | null;
    /** The server asks for the same again after a time. */
    again(ref: string, afterMs: number, now: number): void;
    /** When the next write that was told to come later is due. */
    dueAt(): number | null;
    /** Since when the connection owes an answer. */
    owedSince(): number | null;
}
