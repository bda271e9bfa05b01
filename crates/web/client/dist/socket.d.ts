import type { Codec } from "./codec.ts";
import type { Surroundings } from "./surroundings.ts";
import type { ClientMessage, ServerMessage } from "./wire.ts";
export interface Listener {
    message(socket: Socket, message: ServerMessage): void;
    /** It has ended, and the server asks to be spared for so long. */
    ended(socket: Socket, askedMs: number | null): void;
}
export declare class Socket {
    private readonly codec;
    private readonly around;
    private readonly listener;
    readonly url: string;
    /** When the welcome came. */
    welcomedAt: number | null;
    private channel;
    private heardAt;
    private silenceMs;
    private stopWatch;
    constructor(url: string, codec: Codec, around: Surroundings, listener: Listener, welcomeMsMax?: number);
    private open;
    send(message: ClientMessage): void;
    /** Leaves without a word to the listener. */
    leave(): void;
    /** Ends it because it cannot be right. */
    break(): void;
    private hear;
    /** A browser does not notice that nothing comes any more. */
    private watch;
    private end;
}
