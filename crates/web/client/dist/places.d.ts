import type { Surroundings } from "./surroundings.ts";
export declare class Places {
    private readonly given;
    private readonly stream;
    private readonly viewer;
    private readonly around;
    /** Origins of HTTP, the one that is asked first in front. */
    private nodes;
    private closed;
    constructor(given: readonly string[], stream: string, viewer: string, around: Surroundings);
    /** Where this viewer belongs, or, if nobody says, a node that may take it. */
    find(): Promise<string>;
    /** The stream at the next address of those that the page gave, whoever the cluster thinks is right. */
    own(): string;
    /** Remembers the node of a WebSocket's address, to ask it when others do not answer. */
    learn(url: string): void;
    close(): void;
    private ask;
}
/** Whether this is the address of a WebSocket. */
export declare function isSocket(url: unknown): url is string;
/** The origin of HTTP of a WebSocket's address. */
export declare function originOf(url: string): string;
