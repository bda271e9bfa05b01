/** The one key in the storage: one number for all streams and viewers, so that it cannot grow. */
export declare const STORAGE_KEY = "watershed.stamp";
export declare class Stamps {
    private readonly storage;
    private readonly now;
    private last;
    constructor(storage: Pick<Storage, "getItem" | "setItem"> | null, now: () => number);
    next(): number;
    /** The server holds a register with this stamp: the next one is greater. */
    seen(stamp: number): void;
    /** What another tab or an earlier visit left. A clock that was far ahead then must not spoil every like for good. */
    private stored;
}
