/** As much of a WebSocket as is used. */
export interface Channel {
    binaryType: string;
    onmessage: ((event: {
        data: unknown;
    }) => void) | null;
    onclose: ((event: {
        code: number;
        reason: string;
    }) => void) | null;
    send(data: string | Uint8Array<ArrayBuffer>): void;
    close(): void;
}
export interface Surroundings {
    /** Milliseconds since 1970. */
    now(): number;
    /** From 0 to 1. */
    random(): number;
    /** Calls once after a time; the result takes it back. */
    after(ms: number, call: () => void): () => void;
    open(url: string, subprotocol: string): Channel;
    fetch(url: string, signal: AbortSignal): Promise<Response>;
    /** Where the page came from. */
    origin(): string | undefined;
    /** Whether nobody sees the page. */
    hidden(): boolean;
    /** Calls when the page is hidden or shown, and when the network has come back; the result ends it. */
    listen(seen: () => void, online: () => void): () => void;
    /** An error in a page's own code. */
    report(error: unknown): void;
    storage(): Storage | null;
}
export declare const browser: Surroundings;
