// @ts-check
// Runs the tests under node, for developers: `npm run build && node pages/operator/tests/run.js`.
//
// `make test` runs them in a browser by `index.html`. Invariant: it ends with 1 if one failed.

// @ts-expect-error: its types are not among the page's.
import process from "node:process";
import { runAll } from "./all.js";

const { passed, failed } = await runAll();
for (const { name, error } of failed) console.log(`FAILED ${name}\n  ${error}`);
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);
