export * from "../pages/live/parts.ts";
