// The parts by themselves, for the package's own tests: `dist/parts.js`, which the package does not export.
//
// Beside `index.ts`. Invariant: nothing is written here.

export { askedFor, Backoff } from "./backoff.ts";
export { json, msgpack } from "./codec.ts";
export { watchIn } from "./live.ts";
export * from "./limits.ts";
export { Outbox, WAITING_MAX } from "./outbox.ts";
export { OwnLike, SETTLES_MS } from "./own_like.ts";
export { pack } from "./pack.ts";
export { HIDDEN_MS_MAX } from "./pause.ts";
export { Places } from "./places.ts";
export { Stamps, STORAGE_KEY } from "./stamps.ts";
export { REJECTED_MAX, State } from "./state.ts";
export { Store } from "./store.ts";
export { Taps } from "./taps.ts";
export { serverMessage, WireError } from "./wire.ts";
export type { Channel, Surroundings } from "./surroundings.ts";
