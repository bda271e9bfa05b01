/** The bound of all waits. */
export declare const WAIT_MS_MAX = 10000;
/** The longest wait that a server may ask for. */
export declare const ASKED_MS_MAX = 60000;
export declare class Backoff {
    private readonly random;
    private failures;
    constructor(random: () => number);
    /** After something that worked. */
    reset(): void;
    /** The wait after one more failure. A server that asks for a time gives each client another one: it is kept to. */
    wait(askedMs: number | null): number;
}
/** The wait that the reason of a close asks for. */
export declare function askedFor(reason: string): number | null;
