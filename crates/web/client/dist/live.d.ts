import { type Surroundings } from "./surroundings.ts";
import type { Live } from "./view.ts";
/** What to watch, and how. */
export interface Options {
    /**
     * Any broadcast node, or what stands before them: "https://live.example". The page's own origin when absent. Of several,
     * another one is asked when one does not answer.
     */
    url?: string | URL | readonly (string | URL)[];
    /** 1 to 64 of `A-Z a-z 0-9 . _ -`, as is `viewer`. */
    stream: string;
    viewer: string;
    /** How comments are signed; the viewer id when absent. */
    name?: string;
    /** MessagePack when absent. */
    encoding?: "msgpack" | "json";
    /** Comments that the view keeps, 200 when absent. */
    listMax?: number;
    /** Where stamps outlive a reload; `localStorage` when absent, null for nowhere. */
    storage?: Storage | null;
}
/** Watches a stream until it is closed. Throws a `TypeError` for options that no server would take. */
export declare function watch(options: Options): Live;
/** The same with a browser of one's own. */
export declare function watchIn(options: Options, around: Surroundings): Live;
