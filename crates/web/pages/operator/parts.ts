// The parts of the operator page that need no document: what its tests load.
//
// Beside the page, which does not use it. Invariant: nothing here touches the document, the network or the clock.

export * from "./chips.ts";
export * from "./events.ts";
export * from "./flow.ts";
export * from "./format.ts";
export * from "./history.ts";
export * from "./rates.ts";
export * from "./sample.ts";
export * from "./shed.ts";
export * from "./state.ts";
export * from "./story.ts";
export * from "./streams.ts";
export * from "./tree.ts";
