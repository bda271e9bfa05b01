// The list of all sources and all built files with their SHA-256, as `sha256sum` prints it.
//
// Between the build, which writes it, and the test that fails where sources or built files are not those of the list.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** What is built from, and what is built, in this order. */
const SOURCES = ["package.json", "package-lock.json", "tsconfig.json", "client/package.json", "client/tsconfig.json", "client/src", "pages", "scripts"];
const BUILT = ["built", "client/dist", "vendor"];

/** The files below a folder, or the file itself, sorted by path. */
export function filesBelow(path) {
  const entries = (() => {
    try {
      return readdirSync(resolve(root, path), { recursive: true, withFileTypes: true });
    } catch (error) {
      if (error.code === "ENOTDIR") return null;
      throw error;
    }
  })();
  if (!entries) return [path];
  const files = entries.filter((entry) => entry.isFile()).map((entry) => relative(root, resolve(entry.parentPath, entry.name)));
  return files.sort();
}

/** The whole list. */
export function manifest() {
  const digest = (path) => createHash("sha256").update(readFileSync(resolve(root, path))).digest("hex");
  return [...SOURCES, ...BUILT].flatMap(filesBelow).map((path) => `${digest(path)}  ${path}\n`).join("");
}
