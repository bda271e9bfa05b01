// Builds what is embedded: the pages with their hashed assets and the client as one module, then the list that says from
// which sources, byte for byte, they were built.
//
// `make web` runs it, on a machine with npm; nobody else needs to. Invariant: the same sources give the same bytes.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { filesBelow, manifest, root } from "./manifest.mjs";

/** What a browser may weigh to load the client, MessagePack included, after gzip. */
const CLIENT_GZIP_BYTES_MAX = 14 * 1024;

const client = { "@watershed/client": resolve(root, "client/src/index.ts") };
/** Browsers of the last three years. */
const target = "es2022";

await build({
  root: resolve(root, "pages"),
  configFile: false,
  logLevel: "warn",
  resolve: { alias: client },
  build: {
    target,
    outDir: resolve(root, "built"),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { live: resolve(root, "pages/index.html"), operator: resolve(root, "pages/operator.html") },
    },
  },
});

await build({
  root: resolve(root, "client"),
  configFile: false,
  logLevel: "warn",
  build: {
    target,
    outDir: resolve(root, "client/dist"),
    emptyOutDir: true,
    minify: true,
    lib: { entry: resolve(root, "client/src/index.ts"), formats: ["es"], fileName: "index" },
    // Vite leaves the blanks in an ES library, for bundlers that read comments; browsers load this one as it is.
    rolldownOptions: { output: { minify: true } },
  },
});
// The parts for the package's own tests: readable, and no part of what is published.
await build({
  root: resolve(root, "client"),
  configFile: false,
  logLevel: "warn",
  build: {
    target,
    outDir: resolve(root, "client/dist"),
    emptyOutDir: false,
    minify: false,
    lib: { entry: resolve(root, "client/src/parts.ts"), formats: ["es"], fileName: "parts" },
  },
});
execFileSync("npx", ["tsc", "-p", "client/tsconfig.json"], { cwd: root, stdio: "inherit" });

// What the tests of the pages load: their parts without the document. Types are those of the sources.
for (const [at, page] of ["operator", "live"].entries()) {
  await build({
    root: resolve(root, "pages"),
    configFile: false,
    logLevel: "warn",
    resolve: { alias: client },
    build: {
      target,
      outDir: resolve(root, "vendor"),
      emptyOutDir: at === 0,
      minify: false,
      lib: { entry: resolve(root, `pages/${page}/parts.ts`), formats: ["es"], fileName: `${page}-parts` },
    },
  });
  writeFileSync(resolve(root, `vendor/${page}-parts.d.ts`), `export * from "../pages/${page}/parts.ts";\n`);
}

mkdirSync(resolve(root, "vendor"), { recursive: true });
copyFileSync(resolve(root, "node_modules/axe-core/axe.min.js"), resolve(root, "vendor/axe.min.js"));

writeFileSync(resolve(root, "MANIFEST"), manifest());

const weight = gzipSync(readFileSync(resolve(root, "client/dist/index.js")), { level: 9 }).length;
for (const file of [...filesBelow("built"), "client/dist/index.js"]) {
  const bytes = readFileSync(resolve(root, file));
  console.log(`${file.padEnd(44)} ${String(bytes.length).padStart(8)} bytes ${String(gzipSync(bytes, { level: 9 }).length).padStart(8)} gzipped`);
}
console.log(`the client is ${weight} bytes gzipped, at most ${CLIENT_GZIP_BYTES_MAX} are allowed`);
if (weight > CLIENT_GZIP_BYTES_MAX) process.exit(1);
