export type Packable = string | number | Uint8Array | null | Packable[];
export declare function pack(value: Packable): Uint8Array<ArrayBuffer>;
