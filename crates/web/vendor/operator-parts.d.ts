export * from "../pages/operator/parts.ts";
