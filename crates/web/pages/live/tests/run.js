// @ts-check
// Runs the tests under Node, for whoever changes the page: `node pages/live/tests/run.js [WORDS]`, after `npm run build`.
//
// Invariant: it runs what a browser runs by `index.html`.

// @ts-expect-error: Node has types of its own, which the pages must not see.
import { argv, exit } from "node:process";
import { run } from "../../../client/tests/harness.js";
import "./all.js";

/** @type {import("../../../client/tests/harness.js").Results} */
const results = { done: false, passed: 0, failed: [] };
await run(argv[2] ?? "", results);
for (const { name, error } of results.failed) console.error(`FAILED ${name}\n${error}\n`);
console.log(`${results.passed} passed, ${results.failed.length} failed`);
exit(results.failed.length > 0 ? 1 : 0);
