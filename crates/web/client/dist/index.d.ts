export { watch } from "./live.ts";
export type { Options } from "./live.ts";
export type { Comment, Connection, Limits, Live, OwnState, View } from "./view.ts";
