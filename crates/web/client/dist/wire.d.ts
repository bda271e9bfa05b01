/** The greatest number that the protocol has: 2^53-1. */
export declare const NUMBER_MAX: number;
/** A comment as the server tells it. */
export interface Line {
    id: string;
    author: string;
    name: string;
    body: string;
    at: number;
    likes: number;
}
export interface Welcome {
    type: "welcome";
    viewer: string;
    node: string;
    limits: {
        commentBytes: number;
        commentsPerMinute: number;
        tapIntervalMs: number;
        beatMs: number;
    };
}
export interface Snapshot {
    type: "snapshot";
    epoch: number;
    seq: number;
    partial: boolean;
    viewers: number;
    reactions: Map<string, number>;
    pinned: Line | null;
    top: Line[];
    comments: Line[];
}
/** Absent fields are undefined: unchanged. */
export interface Delta {
    type: "delta";
    epoch: number;
    from: number;
    seq: number;
    comments: Line[];
    likes: [id: string, count: number][];
    deleted: string[];
    pinned: Line | null | undefined;
    top: Line[] | undefined;
    reactions: Map<string, number> | undefined;
    viewers: number | undefined;
    shown: number;
    total: number;
}
export interface Beat {
    type: "beat";
    epoch: number;
    seq: number;
}
export interface Ack {
    type: "ack";
    ref: string;
    id: string | null;
    /** The register as it now is; null but for likes. */
    liked: boolean | null;
    stamp: number | null;
}
export interface Reject {
    type: "reject";
    ref: string | null;
    code: string;
    message: string;
    retryAfterMs: number | null;
}
export interface Move {
    type: "move";
    url: string;
    afterMs: number;
}
export type Frame = Snapshot | Delta | Beat;
export type Answer = Ack | Reject;
export type ServerMessage = Welcome | Frame | Answer | Move;
/** What a viewer writes and is answered. */
export type Write = {
    type: "comment";
    ref: string;
    body: string;
} | {
    type: "like" | "unlike";
    ref: string;
    id: string;
    stamp: number;
} | {
    type: "delete";
    ref: string;
    id: string;
} | {
    type: "pin";
    ref: string;
    id: string | null;
};
export type ClientMessage = Write | {
    type: "react";
    kind: string;
    count: number;
};
/** Something that no server of this protocol says. */
export declare class WireError extends Error {
}
/** The message that these fields are; null for a type that is not known. */
export declare function serverMessage(value: unknown): ServerMessage | null;
