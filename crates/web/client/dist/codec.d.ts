import { type ClientMessage, type ServerMessage } from "./wire.ts";
/** How messages look on a connection. */
export interface Codec {
    readonly subprotocol: string;
    encode(message: ClientMessage): string | Uint8Array<ArrayBuffer>;
    /** The message; null for one whose type is not known. Throws a `WireError` for what cannot be right. */
    decode(data: unknown): ServerMessage | null;
}
export declare const json: Codec;
export declare const msgpack: Codec;
