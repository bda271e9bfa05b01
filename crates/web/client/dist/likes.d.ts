import type { Row } from "./row.ts";
import type { Surroundings } from "./surroundings.ts";
/** What is asked, and of whom. */
export interface Questions {
    /** Where to ask, without the ids; null while there is no connection. */
    address(): string | null;
    untold(): Row[];
    /** Answers have been told to rows. */
    told(): void;
}
export declare class Likes {
    private readonly around;
    private readonly questions;
    private asking;
    private stopTimer;
    private readonly backoff;
    constructor(around: Surroundings, questions: Questions);
    /** Asks for all that is not known, after a time that keeps a crowd with the same question apart. */
    soon(waitMs: number): void;
    close(): void;
    private ask;
    /** The liked ids; or after how many milliseconds to ask again, null if nobody said. */
    private fetch;
}
