import type { Codec } from "./codec.ts";
import { type Places } from "./places.ts";
import { Socket } from "./socket.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Connection } from "./view.ts";
import type { ClientMessage, Move, ServerMessage, Welcome } from "./wire.ts";
/** What the session is told. */
export interface Owner {
    /** The query of a new connection, with the resume point of now. */
    query(): URLSearchParams;
    connection(connection: Connection): void;
    /** The welcome of the connection that the view hangs on from now. */
    welcome(welcome: Welcome): void;
    message(message: Exclude<ServerMessage, Welcome | Move>): void;
    /** What was sent and not answered is to be sent again. */
    lost(): void;
}
export declare class Lifeline {
    private readonly places;
    private readonly codec;
    private readonly around;
    private readonly owner;
    private current;
    private next;
    private held;
    private node;
    /** Where a node has told this viewer to go, and when. */
    private target;
    /** Raised whenever a question for a place is not of interest any more. */
    private attempt;
    /** Whether the page's own address is tried without a question, because the place that was named did not work. */
    private direct;
    private waiting;
    private stopTimer;
    private readonly backoff;
    constructor(places: Places, codec: Codec, around: Surroundings, owner: Owner);
    /** Connects; with a target, there. */
    start(): void;
    /** Leaves all connections, and comes back with `start`. */
    stop(): void;
    /** The network has come back: a wait that no server asked for is over. */
    online(): void;
    /** The connection that takes writes; null while there is none. */
    get live(): Socket | null;
    send(message: ClientMessage): void;
    /** Ends a connection on which something is wrong. */
    break(): void;
    /** The address of the node on which the view hangs. */
    get url(): string | null;
    private open;
    private connect;
    private message;
    private welcomed;
    private told;
    private awaitMove;
    /** The resume point is chosen here. */
    private move;
    private ended;
    /** The old connection is as good as before, if it is still there. */
    private moveFailed;
    private retry;
}
