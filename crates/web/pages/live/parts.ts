// The parts of the live page that need no document: what its tests load.
//
// Beside the page, which does not use it. Invariant: nothing here touches the document or the network by being loaded.

export * from "./courses.ts";
export * from "./floats.ts";
export * from "./held.ts";
export * from "./identity.ts";
export * from "./seeded.ts";
export * from "./who.ts";
export * from "../shared/figures.ts";
